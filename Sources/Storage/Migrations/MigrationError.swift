/// Why a migration was not run.
package enum MigrationError: Error, Equatable, CustomStringConvertible {
    /// The store has a schema that this program does not know.
    case schemaMismatch(String)
    /// There is no step of this number.
    case unknownTarget(Int, newest: Int)
    /// The step has no way back. Nothing was run.
    case notReversible(name: String)
    /// The step itself went wrong. What it did before was rolled back where the store can do that; where it cannot,
    /// the next run repairs it.
    case failed(name: String, isRolledBack: Bool, StoreError)
    /// The store could not be used at all; `.inUse`: another process has it, or the lock.
    case store(StoreError)

    package var description: String {
        switch self {
        case .schemaMismatch(let text): text
        case .unknownTarget(let number, let newest): "there is no migration \(number); the newest is \(newest)"
        case .notReversible(let name): "\(name) cannot be undone"
        case .failed(let name, true, let error): "\(name) failed and was rolled back: \(error.message)"
        case .failed(let name, false, let error):
            "\(name) failed, and may have done a part; put the cause right and run it again: \(error.message)"
        case .store(let error): error.message
        }
    }

    /// As the error of a store that could not be opened for it.
    package var storeError: StoreError {
        switch self {
        case .schemaMismatch: StoreError(.schemaMismatch, description)
        case .unknownTarget, .notReversible: StoreError(.failed, description)
        case .failed(_, _, let error): StoreError(error.code, description)
        case .store(let error): error
        }
    }
}
