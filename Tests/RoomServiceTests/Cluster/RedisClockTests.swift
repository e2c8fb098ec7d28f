import HTTPServer
import Primitives
import Redis
import RedisTestSupport
import Synchronization
import Testing

@testable import RoomService

/// The time by Redis's clock, measured with replies as slow as the test says.
@Suite(.timeLimit(.minutes(1))) struct RedisClockTests {
    /// A Redis whose clock goes with the test's, and differs from it by so much, and its replies to `TIME`.
    private final class Server: Sendable {
        struct State {
            /// In milliseconds.
            var offset: Int64 = 0
            /// How long a question, and the reply to it, are under way, in milliseconds.
            var (there, back) = (0, 0)
            /// What it answers instead.
            var reply: String?
        }

        let state = Mutex(State())
        private let time: ManualTimeSource

        init(_ time: ManualTimeSource) {
            self.time = time
        }

        /// Redis's time.
        var now: Int64 { time.monotonicNanoseconds / 1_000_000 + state.withLock { $0.offset } }

        func serve(_ socket: TestSocket) throws {
            try socket.greet()
            while true {
                guard try socket.command() == ["TIME"] else { continue }
                let state = state.withLock { $0 }
                time.advance(by: .milliseconds(state.there))
                let words = ["\(now / 1000)", "\(now % 1000 * 1000)"].map { "$\($0.utf8.count)\r\n\($0)\r\n" }
                time.advance(by: .milliseconds(state.back))
                try socket.write(state.reply ?? "*2\r\n" + words.joined())
            }
        }
    }

    private struct Bench: Sendable {
        let time: ManualTimeSource
        let server: Server
        let clock: RedisClock
        let client: RedisClient

        /// By how much the clock is wrong, in milliseconds.
        var error: Int64? { clock.now.map { abs($0 - server.now) } }

        func measure(there: Int = 0, back: Int = 0) async throws {
            server.state.withLock { ($0.there, $0.back) = (there, back) }
            try await Task(executorPreference: client.loop) { try await clock.measure(client) }.value
        }
    }

    private static func run(offset: Int64, _ body: @Sendable (Bench) async throws -> Void) async throws {
        let time = ManualTimeSource()
        let redis = Server(time)
        redis.state.withLock { $0.offset = offset }
        let server = try ScriptedServer { try redis.serve($0) }
        defer { server.close() }
        let group = try EventLoopGroup(count: 1, time: time)
        defer { group.stop() }
        let client = RedisClient(server.address, options: .patient, loop: group.loops[0])
        client.loop.execute { client.start() }
        try await wait { await client.onLoop { client.isConnected } }
        let result: Result<Void, any Error>
        do {
            try await body(Bench(time: time, server: redis, clock: RedisClock(time: time), client: client))
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await client.onLoop { client.close() }
        try result.get()
    }

    /// Two years, either way, and a Redis on the same machine.
    private static let offsets: [Int64] = [-1000, 0, 63_072_000_000, 1_767_225_600_000]

    @Test(arguments: offsets)
    func `however far off Redis's clock is, its time is known, and goes on between two measurements`(offset: Int64)
        async throws
    {
        try await Self.run(offset: offset) { bench in
            #expect(bench.clock.now == nil)
            try await bench.measure(there: 40, back: 40)
            #expect(bench.error == 0)
            bench.time.advance(by: .milliseconds(123_456))
            #expect(bench.error == 0)
        }
    }

    @Test(arguments: [(0, 700), (700, 0), (100, 500), (1, 0)])
    func `it is wrong by half the round trip at the most`(there: Int, back: Int) async throws {
        try await Self.run(offset: 5000) { bench in
            try await bench.measure(there: there, back: back)
            #expect(try #require(bench.error) <= Int64(there + back + 1) / 2)
        }
    }

    @Test func `a slow reply changes nothing as long as there is a better one, which holds for ten seconds`()
        async throws
    {
        try await Self.run(offset: 5000) { bench in
            try await bench.measure(there: 1, back: 1)
            for _ in 0..<4 {
                bench.time.advance(by: .milliseconds(1500))
                try await bench.measure(there: 0, back: 300)
                #expect(bench.error == 0)
            }
            bench.time.advance(by: .milliseconds(3000))
            try await bench.measure(there: 0, back: 300)
            #expect(bench.error == 150)
            // So slow a one never is: this process may have been held up.
            bench.time.advance(by: .milliseconds(20_000))
            try await bench.measure(there: 0, back: 600)
            #expect(bench.error == 150)
            // A quick one is better at once.
            try await bench.measure(there: 2, back: 2)
            #expect(bench.error == 0)
        }
    }

    @Test(arguments: [-2000, 2000, 86_400_000] as [Int64])
    func `a clock that has been set is believed at once, also with a slower reply`(leap: Int64) async throws {
        try await Self.run(offset: 5000) { bench in
            try await bench.measure(there: 1, back: 1)
            bench.server.state.withLock { $0.offset += leap }
            bench.time.advance(by: .milliseconds(2000))
            try await bench.measure(there: 100, back: 100)
            #expect(bench.error == 0)
        }
    }

    @Test func `what is no time changes nothing`() async throws {
        try await Self.run(offset: 5000) { bench in
            bench.server.state.withLock { $0.reply = "*1\r\n$1\r\n7\r\n" }
            try await bench.measure()
            #expect(bench.clock.now == nil)
            bench.server.state.withLock { $0.reply = nil }
            try await bench.measure()
            bench.server.state.withLock { $0.reply = "-ERR no time\r\n" }
            await #expect(throws: RedisError.self) { try await bench.measure() }
            #expect(bench.error == 0)
        }
    }
}
