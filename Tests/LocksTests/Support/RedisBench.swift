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
        let server = try await RedisServer()
        let group = try EventLoopGroup(count: 2, time: SystemTimeSource())
        defer { group.stop() }
        let clients = group.loops.map { RedisClient(server.address, loop: $0) }
        let subscribers = group.loops.map { RedisSubscriber(server.address, loop: $0) }
        for (client, subscriber) in zip(clients, subscribers) {
            client.loop.execute {
                client.start()
                subscriber.start()
            }
        }
        let locks = zip(clients, subscribers).map {
            RedisConversationLock(client: $0, subscriber: $1, pollInterval: pollInterval)
        }
        for (client, subscriber) in zip(clients, subscribers) {
            try await wait { await client.onLoop { client.isConnected && subscriber.isConnected } }
        }
        try await body(
            RedisBench(
                server: server,
                clients: clients,
                bench: LockBench(
                    loops: group.loops,
                    locks: locks,
                    shortTime: .milliseconds(500),
                    pass: { try await pass($0, on: locks[0]) },
                    waiterCount: { key in
                        try await clients[0].ask(["ZCARD", .text("lock-line:\(key)")]).integer ?? 0
                    }
                )
            )
        )
        for (client, subscriber) in zip(clients, subscribers) {
            client.loop.execute {
                client.close()
                subscriber.close()
            }
            await client.loop.barrier()
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

extension RedisClient {
    func onLoop<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await Task(executorPreference: loop) { body() }.value
    }

    func ask(_ command: [RedisArgument]) async throws -> RedisValue {
        try await Task(executorPreference: loop) { try await self.send(command) }.value
    }
}
