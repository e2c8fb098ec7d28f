import Glibc
import Primitives
import Storage

/// Writes rooms to the store in a folder without end, many callers at once, and prints the id of each that the store has
/// acknowledged, a line each: for tests that kill it or take its disk away.
///
///     StoreWriterProcess FOLDER CALLERS [BYTES]
///
/// With BYTES no file may grow beyond that size, as if the disk were full there. At the first `.unavailable` it then
/// prints `full`, lifts the limit, writes one more room, prints its id and ends.
@main
struct Main {
    static func main() async throws {
        let arguments = CommandLine.arguments
        let store = try await SQLiteStore.open(directory: arguments[1])
        let callers = Int(arguments[2]) ?? 1
        if arguments.count > 3, let bytes = UInt(arguments[3]) { limitFiles(to: bytes) }
        await withTaskGroup(of: Void.self) { group in
            for caller in 0..<callers {
                group.addTask {
                    var count = 0
                    while await write(to: store, id: "r\(caller)-\(count)") { count += 1 }
                }
            }
        }
        say("full")
        limitFiles(to: .max)
        guard await write(to: store, id: "last") else { exit(1) }
        await store.close()
    }

    private static func write(to store: SQLiteStore, id: String) async -> Bool {
        let now = SystemTimeSource().now
        let room = Room(id: id, userID: "user", name: "Chat", createdAt: now, lastActivity: now)
        do {
            try await store.createRoom(room, limit: .max)
            say(id)
            return true
        } catch {
            if error.code != .unavailable { say("unexpected: \(error)") }
            return false
        }
    }

    /// One system call a line: what is printed is in the pipe, whatever becomes of this process.
    private static func say(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = Glibc.write(STDOUT_FILENO, bytes, bytes.count)
    }

    private static func limitFiles(to bytes: UInt) {
        // Writing beyond the limit then fails with EFBIG instead of ending the process.
        signal(SIGXFSZ, SIG_IGN)
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
        limit.rlim_cur = min(bytes, limit.rlim_max)
        setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
    }
}
