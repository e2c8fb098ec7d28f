import Redis
import RedisTestSupport
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct RedisScriptTests {
    private static let append = """
        redis.call('RPUSH', KEYS[1], ARGV[1])
        return redis.call('LLEN', KEYS[1])
        """

    /// How often each command has been called there.
    private func calls(_ client: RedisClient, _ command: String) async throws -> Int {
        let statistics = try await client.send(["INFO", "commandstats"]).text ?? ""
        let line = statistics.split(separator: "\r\n").first { $0.hasPrefix("cmdstat_\(command):calls=") }
        return Int(line?.drop { $0 != "=" }.dropFirst().prefix { $0 != "," } ?? "0") ?? 0
    }

    @Test func `a script is one command, after the first time`() async throws {
        let server = try await RedisServer()
        try await TestLoop.run { test in
            let client = try await test.client(server.address)
            let script = RedisScript(Self.append)
            for number in 1...100 {
                #expect(try await client.run(script, keys: ["list"], arguments: [.integer(number)]) == .integer(number))
            }
            #expect(try await calls(client, "eval") == 1)
            #expect(try await calls(client, "evalsha") == 99)
            #expect(try await calls(client, "script|load") == 1)
            client.close()
        }
    }

    @Test func `runs that are sent at once are executed in their order, from the first on`() async throws {
        let server = try await RedisServer()
        try await TestLoop.run { test in
            let client = try await test.client(server.address)
            let script = RedisScript(Self.append)
            let replies = Notes<Int?>()
            for number in 1...1000 {
                client.run(script, keys: ["list"], arguments: [.integer(number)]) {
                    replies.all.append(try? $0.get().integer)
                }
                if number % 100 == 0 { try await test.pause() }
            }
            #expect(try await test.wait { replies.all.count == 1000 })
            #expect(replies.all == (1...1000).map { $0 })
            #expect(try await client.send(["LRANGE", "list", 0, -1]).array?.map(\.integer) == (1...1000).map { $0 })
            client.close()
        }
    }

    @Test(arguments: [["SCRIPT", "FLUSH"], ["FLUSHALL"], ["SCRIPT", "FLUSH", "SYNC"]] as [[RedisArgument]])
    func `a Redis that has forgotten the script gets it again, and runs it once`(command: [RedisArgument]) async throws
    {
        let server = try await RedisServer()
        try await TestLoop.run { test in
            let client = try await test.client(server.address)
            let script = RedisScript(Self.append)
            #expect(try await client.run(script, keys: ["list"], arguments: ["a"]) == 1)
            _ = try await client.send(command)
            let count = try await client.send(["LLEN", "list"]).integer ?? 0
            let replies = Notes<Int?>()
            for _ in 0..<10 {
                client.run(script, keys: ["list"], arguments: ["b"]) { replies.all.append(try? $0.get().integer) }
            }
            #expect(try await test.wait { replies.all.count == 10 })
            #expect(replies.all == (1...10).map { count + $0 })
            client.close()
        }
    }

    @Test func `a Redis that has started again gets the scripts before they are run`() async throws {
        let server = try await RedisServer()
        try await TestLoop.run { test in
            let client = try await test.client(server.address)
            let other = try await test.client(server.address)
            let script = RedisScript(Self.append)
            #expect(try await client.run(script, keys: ["list"], arguments: ["a"]) == 1)
            server.kill()
            #expect(try await test.wait { !client.isConnected && !other.isConnected })
            await #expect(throws: RedisError.self) { try await client.run(script, keys: ["list"], arguments: ["a"]) }
            try await server.start()
            #expect(try await test.wait { client.isConnected && other.isConnected })
            #expect(try await client.run(script, keys: ["list"], arguments: ["a"]) == 1)
            // One that has not run it before knows it by its digest all the same.
            #expect(try await other.run(script, keys: ["list"], arguments: ["a"]) == 2)
            #expect(try await calls(client, "eval") == 0)
            client.close()
            other.close()
        }
    }

    @Test func `what is refused is told to whoever wants to know, and a script that must be sent again is not`()
        async throws
    {
        let server = try await RedisServer()
        try await TestLoop.run { test in
            let refusals = Refusals()
            var options = RedisOptions()
            options.onRefusal = { refusals.add($0) }
            let client = try await test.client(server.address, options: options)
            let (good, bad) = (RedisScript("return 1"), RedisScript("return redis.call('GET', KEYS[1])"))
            _ = try await client.send(["RPUSH", "list", "x"])
            _ = try await client.run(good, keys: [])
            _ = try await client.send(["SCRIPT", "FLUSH"])
            #expect(try await client.run(good, keys: []) == .integer(1))
            #expect(refusals.all.isEmpty)
            await #expect(throws: RedisError.self) { try await client.run(bad, keys: ["list"]) }
            guard case .refused(let text)? = refusals.all.first else { return #expect(Bool(false), "it is refused") }
            #expect(text.contains("WRONGTYPE") && refusals.all.count == 1)
            // Without room it may succeed later.
            _ = try await client.send(["CONFIG", "SET", "maxmemory", "1"])
            await #expect(throws: RedisError.outOfMemory) { try await client.send(["SET", "key", "x"]) }
            #expect(refusals.all.count == 1)
            client.close()
        }
    }

    private final class Refusals: Sendable {
        private let errors = Mutex<[RedisError]>([])

        var all: [RedisError] { errors.withLock { $0 } }
        func add(_ error: RedisError) { errors.withLock { $0.append(error) } }
    }

    @Test func `errors of scripts are told as Redis tells them`() async throws {
        let server = try await RedisServer()
        try await TestLoop.run { test in
            let client = try await test.client(server.address)
            for source in ["return redis.error_reply('MINE is wrong')", "this is no Lua", "return redis.call('NO')"] {
                let script = RedisScript(source)
                for _ in 0..<2 {
                    guard
                        case .refused = await #expect(
                            throws: RedisError.self,
                            performing: { try await client.run(script, keys: []) }
                        )
                    else { return #expect(Bool(false), "\(source)") }
                }
            }
            client.close()
        }
    }
}
