import HTTPServer
import Primitives
import Redis

/// A Redis, and clients of it as several instances have them, each on a loop of its own.
package struct RedisPeers: Sendable {
    package let server: RedisServer
    package let clients: [RedisClient]
    /// One beside each client.
    package let subscribers: [RedisSubscriber]
    /// The clock of the loops, where the test moves it.
    package let time: ManualTimeSource?

    /// Runs `body` when all are connected.
    ///
    /// - Parameter time: the clock of the loops; nil: the system's.
    package static func run(
        count: Int = 2,
        time: ManualTimeSource? = nil,
        _ body: @Sendable (RedisPeers) async throws -> Void
    ) async throws {
        let server = try await RedisServer()
        let source: any TimeSource = if let time { time } else { SystemTimeSource() }
        let group = try EventLoopGroup(count: count, time: source)
        defer { group.stop() }
        let options = time == nil ? RedisOptions() : .patient
        let peers = RedisPeers(
            server: server,
            clients: group.loops.map { RedisClient(server.address, options: options, loop: $0) },
            subscribers: group.loops.map { RedisSubscriber(server.address, options: options, loop: $0) },
            time: time
        )
        do {
            try await peers.use(body)
        } catch {
            await peers.close()
            throw error
        }
        await peers.close()
    }

    private func use(_ body: @Sendable (RedisPeers) async throws -> Void) async throws {
        for (client, subscriber) in zip(clients, subscribers) {
            client.loop.execute {
                client.start()
                subscriber.start()
            }
        }
        try await waitUntilConnected()
        try await body(self)
    }

    /// Returns when all are.
    package func waitUntilConnected() async throws {
        for (client, subscriber) in zip(clients, subscribers) {
            try await wait { await client.onLoop { client.isConnected && subscriber.isConnected } }
        }
    }

    private func close() async {
        for (client, subscriber) in zip(clients, subscribers) {
            client.loop.execute {
                client.close()
                subscriber.close()
            }
            await client.loop.barrier()
        }
    }

    // MARK: Redis, seen by the test

    /// What the server answers to a command, behind whatever the first client has sent.
    @discardableResult
    package func ask(_ command: [RedisArgument]) async throws -> RedisValue { try await clients[0].ask(command) }

    package func keys(_ pattern: String = "*") async throws -> [String] {
        try await ask(["KEYS", .text(pattern)]).array?.compactMap(\.text).sorted() ?? []
    }

    /// For how long a key is kept, in milliseconds; -1: for ever; -2: there is none.
    package func timeToLive(_ key: String) async throws -> Int {
        try await ask(["PTTL", .text(key)]).integer ?? -2
    }

    package func exists(_ key: String) async throws -> Bool { try await ask(["EXISTS", .text(key)]).integer == 1 }

    // MARK: Time

    /// Moves the clock of the loops, and returns when they have done what is due, and Redis has answered what they have asked.
    package func advance(milliseconds: Int) async throws {
        time?.advance(by: .milliseconds(milliseconds))
        try await settle()
    }

    /// Returns when the loops have done what they had to do, and Redis has answered what they have asked.
    package func settle() async throws {
        for _ in 0..<3 {
            for client in clients {
                await client.loop.barrier()
                _ = try await client.ask(["PING"])
            }
        }
    }
}

extension RedisOptions {
    /// For loops whose clock the test moves: no leap of it makes a connection look lost.
    package static var patient: RedisOptions {
        var options = RedisOptions()
        let day: Int64 = 86_400_000_000_000
        (options.connectTimeout, options.commandTimeout, options.pingInterval) = (day, day, day)
        return options
    }
}

extension RedisClient {
    /// What `body` returns on the client's loop.
    package func onLoop<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await Task(executorPreference: loop) { body() }.value
    }

    /// As `send`, from anywhere.
    package func ask(_ command: [RedisArgument]) async throws -> RedisValue {
        try await Task(executorPreference: loop) { try await self.send(command) }.value
    }

    /// As `run`, from anywhere.
    package func ask(
        _ script: RedisScript,
        keys: [RedisArgument],
        arguments: [RedisArgument] = []
    ) async throws -> RedisValue {
        try await Task(executorPreference: loop) { try await self.run(script, keys: keys, arguments: arguments) }.value
    }
}

/// What was waited for has not come about.
package struct WaitedInVain: Error {
    package init() {}
}

/// Returns when it is so; fails when it is not within ten seconds.
package func wait(until isSo: () async throws -> Bool) async throws {
    for _ in 0..<5000 {
        if try await isSo() { return }
        try await Task.sleep(for: .milliseconds(2))
    }
    throw WaitedInVain()
}
