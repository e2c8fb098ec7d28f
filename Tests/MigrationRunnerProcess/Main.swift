import Glibc
import Primitives
import Storage
import Synchronization

/// Upgrades a store as far as the end of the first step's statements, prints `in step` and stays there: for tests that kill
/// a runner between the intent and the end.
///
///     MigrationRunnerProcess FOLDER
///     MigrationRunnerProcess URI DATABASE
@main
struct Main {
    static func main() throws {
        let arguments = CommandLine.arguments
        let time = PausingTimeSource()
        if arguments.count == 2 {
            let backend = SQLiteMigrationBackend(directory: arguments[1])
            try MigrationEngine(backend, known: SQLiteMigrations.all, time: time).upgrade()
        } else {
            let backend = try MongoMigrationBackend(MongoOptions(uri: arguments[1], database: arguments[2]))
            try MigrationEngine(backend, known: MongoMigrations.all, time: time).upgrade()
        }
    }
}

/// Tells the time once, for the intent; who asks for the time of the end waits for ever.
private final class PausingTimeSource: TimeSource {
    private let isAsked = Atomic(false)
    private let system = SystemTimeSource()

    var now: Timestamp {
        if isAsked.exchange(true, ordering: .relaxed) {
            let line = Array("in step\n".utf8)
            _ = write(STDOUT_FILENO, line, line.count)
            while true { pause() }
        }
        return system.now
    }

    var monotonicNanoseconds: Int64 { system.monotonicNanoseconds }
    func sleepLimit(until deadline: Int64, slack: Int64) -> Int64? {
        system.sleepLimit(until: deadline, slack: slack)
    }
    func addWaker(_ waker: @escaping @Sendable () -> Void) {}
}
