import Storage

/// What the program tells its caller: a script, or a deployment.
enum ExitCode: Int32 {
    case done = 0
    /// The arguments make no sense.
    case usage = 2
    /// Another process, a running service say, uses the store or its lock.
    case locked = 3
    /// `status --check`: there are steps to be run.
    case pending = 4
    case failed = 5
    /// A step has no way back.
    case notReversible = 6

    init(_ error: MigrationError) {
        switch error {
        case .notReversible: self = .notReversible
        case .unknownTarget: self = .usage
        case .store(let error) where error.code == .inUse: self = .locked
        case .store, .failed, .schemaMismatch: self = .failed
        }
    }
}
