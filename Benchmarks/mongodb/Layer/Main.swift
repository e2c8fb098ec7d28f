import Glibc
import HTTPServer
import Primitives
import Storage

/// The store's layer over libmongoc under load: the same operations as `reference.c`, by as many callers, which are on one of
/// the service's event loops as requests are.
///
///     MongoLayerBenchmark URI DATABASE prepare|find|insert CALLERS SECONDS
///
/// Prints: operations, seconds, CPU microseconds per operation.
@main struct MongoLayerBenchmark {
    private static let time = Timestamp(milliseconds: 1_767_225_600_000)

    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 6, let callers = Int(arguments[4]), let seconds = Int(arguments[5]) else {
            print("usage: MongoLayerBenchmark URI DATABASE prepare|find|insert CALLERS SECONDS")
            exit(2)
        }
        var options = MongoOptions(uri: arguments[1], database: arguments[2], poolSize: min(callers, 10))
        options.socketMilliseconds = 30_000
        let store = try MongoStore(options)
        switch arguments[3] {
        case "prepare": try await prepare(store)
        case "insert":
            try await measure(callers, seconds) { caller, number throws(StoreError) in
                let session = session("swift-\(caller)-\(number)", expiresAfter: .milliseconds(1))
                try await store.createSession(session, newRoom: nil, roomLimit: 1)
            }
        default:
            try await measure(callers, seconds) { caller, _ throws(StoreError) in
                guard try await store.session(id: "benchmark-\(caller)", at: time) != nil else {
                    throw StoreError(.failed, "no session")
                }
            }
        }
        await store.close()
    }

    private static func prepare(_ store: MongoStore) async throws {
        let room = Room(id: "benchmark", userID: "benchmark", name: "benchmark", createdAt: time, lastActivity: time)
        try await store.createRoom(room, limit: 1)
        // One for each caller, so that those which look together look for different ones.
        for caller in 0..<100 {
            let session = session("benchmark-\(caller)", expiresAfter: .seconds(1))
            try await store.createSession(session, newRoom: nil, roomLimit: 1)
        }
    }

    private static func session(_ id: String, expiresAfter duration: Duration) -> Session {
        Session(
            id: id,
            userID: "benchmark",
            roomID: "benchmark",
            createdAt: time,
            lastActivity: time,
            expiresAt: time + duration
        )
    }

    private static func measure(
        _ callers: Int,
        _ seconds: Int,
        _ operation: @escaping @Sendable (_ caller: Int, _ number: Int) async throws(StoreError) -> Void
    ) async throws {
        let start = nanoseconds(of: CLOCK_MONOTONIC)
        let used = nanoseconds(of: CLOCK_PROCESS_CPUTIME_ID)
        let deadline = start + Int64(seconds) * 1_000_000_000
        let loops = try EventLoopGroup(count: 1, time: SystemTimeSource())
        defer { loops.stop() }
        let loop = loops.loops[0]
        let total = try await withThrowingTaskGroup(of: Int.self) { group in
            for caller in 0..<callers {
                group.addTask(executorPreference: loop) {
                    var count = 0
                    while nanoseconds(of: CLOCK_MONOTONIC) < deadline {
                        try await operation(caller, count)
                        count += 1
                    }
                    return count
                }
            }
            return try await group.reduce(0, +)
        }
        let took = Double(nanoseconds(of: CLOCK_MONOTONIC) - start) / 1e9
        let cpu = Double(nanoseconds(of: CLOCK_PROCESS_CPUTIME_ID) - used) / 1e3
        print(total, took, cpu / Double(max(1, total)))
    }
}
