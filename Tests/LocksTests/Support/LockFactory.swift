import HTTPServer
import Primitives
import Testing

@testable import Locks

/// Makes locks of one kind. Every test of the protocol runs once for each kind in `all`.
struct LockFactory: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let withLocks: @Sendable (_ body: @Sendable (LockBench) async throws -> Void) async throws -> Void

    static let all = [local, redis]

    /// One for two loops, by a clock that the test moves.
    static let local = LockFactory(testDescription: "local") { body in
        let time = ManualTimeSource()
        let group = try EventLoopGroup(count: 2, time: time)
        defer { group.stop() }
        let lock = LocalConversationLock(loop: group.loops[0])
        try await body(
            LockBench(
                loops: group.loops,
                locks: [lock, lock],
                shortTime: .seconds(300),
                pass: { time.advance(by: $0) },
                waiterCount: { lock.waiterCount($0) }
            )
        )
    }

    /// Two clients of a server of their own. Who waits does not look by himself: he has to be told.
    static let redis = LockFactory(testDescription: "redis") { body in
        try await RedisBench.run(pollInterval: .seconds(3600)) { try await body($0.bench) }
    }
}
