import Agents
import Glibc
import HTTPClient
import HTTPServer
import Primitives
import Storage
import Synchronization

@testable import RoomService

/// The whole service in this process, on a free port, over a store in a folder of its own, by a clock that only the test
/// moves.
final class TestService: Sendable {
    let directory: String
    let time: ManualTimeSource
    let group: EventLoopGroup
    let store: SQLiteStore
    let application: Application
    let log: MemorySink
    private let shutDown = ShutDown()

    private var loop: EventLoop { group.loops[0] }

    /// Starts a service. `withService` is the usual way.
    init(
        directory: String,
        loops: Int,
        time: ManualTimeSource,
        settings: Settings,
        agent: (any Agent)? = nil,
        ends: EndFaults? = nil,
        files: StaticFiles = StaticFiles()
    ) async throws {
        self.directory = directory
        self.time = time
        let log = MemorySink()
        self.log = log
        let group = try EventLoopGroup(count: loops, time: time)
        self.group = group
        let loop = group.loops[0]
        let logger = Logger(level: .warning, format: .text, time: time, sink: log)
        let store = try await SQLiteStore.open(directory: directory, time: time)
        self.store = store
        do {
            application = try await Task(executorPreference: loop) {
                try await Application(
                    settings: settings,
                    store: ends.map { FaultyStore(store, ends: $0) } ?? store,
                    group: group,
                    loop: loop,
                    agents: agent.map { AgentRegistry(default: $0) }
                        ?? AgentRegistry(settings, client: HTTPClient(group: group), logger: logger),
                    files: files,
                    time: time,
                    logger: logger
                )
            }.value
        } catch {
            await store.close()
            group.stop()
            throw error
        }
        await settle()
    }

    var port: UInt16 { application.server.port }

    func connect() throws -> TestConnection { try TestConnection(port: port) }

    // MARK: Time

    /// Moves the clock, and lets the loops do what is due.
    func advance(by duration: Duration) async {
        time.advance(by: duration)
        await settle()
    }

    /// Returns when the loops have done what they had to do, short of waiting for the store.
    func settle() async {
        for _ in 0..<3 {
            for loop in group.loops { await loop.barrier() }
        }
    }

    /// Waits for what happens without the clock: for a commit, or for bytes on their way.
    ///
    /// - Returns: false when it has not happened in a time in which it would have.
    func eventually(_ condition: () async throws -> Bool) async rethrows -> Bool {
        let limit = nanoseconds(of: CLOCK_MONOTONIC) + 20_000_000_000
        while nanoseconds(of: CLOCK_MONOTONIC) < limit {
            if try await condition() { return true }
            await settle()
        }
        return false
    }

    // MARK: Ending

    /// Begins to shut down, as on `SIGTERM`, if that has not begun.
    @discardableResult
    func beginShutDown() -> ShutDown {
        guard !shutDown.hasBegun.exchange(true, ordering: .relaxed) else { return shutDown }
        Task(executorPreference: loop) { [application, loop, shutDown] in
            await application.shutDown(on: loop)
            shutDown.done.store(true, ordering: .releasing)
        }
        return shutDown
    }

    /// Ends the service, without waiting for the drain time.
    func end() async {
        beginShutDown()
        while !shutDown.isDone { await advance(by: .seconds(1)) }
        group.stop()
    }

    final class ShutDown: Sendable {
        fileprivate let hasBegun = Atomic(false)
        fileprivate let done = Atomic(false)

        /// Whether all is stored and closed.
        var isDone: Bool { done.load(ordering: .acquiring) }
    }
}

/// Runs `body` with a service of its own, which it ends in any case.
func withService(
    _ configure: (inout Settings) -> Void = { _ in },
    loops: Int = 1,
    agent: (any Agent)? = nil,
    ends: EndFaults? = nil,
    files: StaticFiles = StaticFiles(),
    body: (TestService) async throws -> Void
) async throws {
    try await withTemporaryDirectory { directory in
        let settings = testSettings(configure)
        let time = ManualTimeSource()
        let service = try await TestService(
            directory: directory,
            loops: loops,
            time: time,
            settings: settings,
            agent: agent,
            ends: ends,
            files: files
        )
        do {
            try await body(service)
        } catch {
            await service.end()
            throw error
        }
        await service.end()
    }
}

/// The defaults, on a free port.
func testSettings(_ configure: (inout Settings) -> Void = { _ in }) -> Settings {
    var settings = Settings()
    settings.port = 0
    configure(&settings)
    return settings
}

func withTemporaryDirectory(_ body: (String) async throws -> Void) async throws {
    var template = Array("/tmp/room-service-test-XXXXXX".utf8CString)
    guard let path = mkdtemp(&template).map({ String(cString: $0) }) else {
        throw TestConnection.Failure.system("mkdtemp: \(errno)")
    }
    defer {
        for name in ["room-service.db", "room-service.db-wal", "room-service.db-shm", "room-service.lock"] {
            unlink("\(path)/\(name)")
        }
        rmdir(path)
    }
    try await body(path)
}

/// Keeps log lines.
final class MemorySink: LogSink {
    private let kept = Mutex<[String]>([])

    var lines: [String] { kept.withLock { $0 } }

    func write(_ line: [UInt8]) { kept.withLock { $0.append(String(decoding: line, as: UTF8.self)) } }
}
