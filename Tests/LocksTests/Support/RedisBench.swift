import HTTPServer
import Locks
import Primitives
import Redis
import RedisTestSupport

/// A Redis, and two clients of it with their locks, each on a loop of its own.
struct RedisBench: Sendable {
    let server: RedisServer
    let clients: [RedisClient]
    let bench: LockBench

    static func run(
        pollInterval: Duration = .seconds(1),
        _ body: @Sendable (RedisBench) async throws -> Void
    ) async throws {
        try await RedisPeers.run { peers in
            let locks = zip(peers.clients, peers.subscribers).map {
                RedisConversationLock(client: $0, subscriber: $1, pollInterval: pollInterval)
            }
            try await body(
                RedisBench(
                    server: peers.server,
                    clients: peers.clients,
                    bench: LockBench(
                        loops: peers.clients.map(\.loop),
                        locks: locks,
                        shortTime: .milliseconds(500),
                        pass: { try await pass($0, on: locks[0]) },
                        waiterCount: { key in try await peers.ask(["ZCARD", .text("lock-line:\(key)")]).integer ?? 0 }
                    )
                )
            )
        }
    }

    /// By the server's clock: until a lock of that time has ended.
    private static func pass(_ time: Duration, on lock: any ConversationLock) async throws {
        let attempt = try await lock.acquire("hourglass", owner: "test", ttl: time + .milliseconds(2))
        guard attempt.lock != nil else { throw LockBench.Failure() }
        try await wait { try await lock.info("hourglass") == nil }
    }

    /// Has the server forget all, or whatever else `command` says.
    func ask(_ command: [RedisArgument]) async throws -> RedisValue { try await clients[0].ask(command) }

    /// Starts the server again, empty, and returns when all are connected.
    func restart() async throws {
        try await server.start()
        for client in clients { try await wait { await client.onLoop { client.isConnected } } }
    }
}
