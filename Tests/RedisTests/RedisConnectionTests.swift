import Redis
import RedisTestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct RedisConnectionTests {
    @Test func `commands have replies of every kind`() async throws {
        let server = try await RedisServer()
        try await TestLoop.run { test in
            let redis = try await test.connect(server.address)
            #expect(try await redis.send(["SET", "a", 1]) == .status("OK"))
            #expect(try await redis.send(["GET", "a"]) == .string([UInt8(ascii: "1")]))
            #expect(try await redis.send(["INCRBY", "a", .integer(.max - 1)]) == .integer(.max))
            #expect(try await redis.send(["GET", "b"]) == .null)
            #expect(try await redis.send(["RPUSH", "c", -1, .integer(.min), ""]) == .integer(3))
            let list = try await redis.send(["LRANGE", "c", 0, -1])
            #expect(list.array?.map(\.text) == ["-1", "-9223372036854775808", ""])
            #expect(list.array?.map(\.integer) == [-1, .min, nil])
            #expect(try await redis.send(["LRANGE", "d", 0, -1]) == .array([]))
            let nested = try await redis.send(["EVAL", "return {1, {'a', {redis.error_reply('E x')}}, false}", 0])
            #expect(nested == .array([1, .array([.string([97]), .array([.error("E x")])]), .null]))
            await #expect(throws: RedisError.refused("ERR unknown command 'NO', with args beginning with: 'such' ")) {
                try await redis.send(["NO", "such"])
            }
            await #expect(throws: RedisError.self) { try await redis.send(["LPUSH", "a", 1]) }
            #expect(redis.isOpen)
            redis.close()
            await #expect(throws: RedisError.unavailable("there is no connection")) { try await redis.send(["PING"]) }
        }
    }

    @Test func `any bytes come back as they were, of any size`() async throws {
        let server = try await RedisServer()
        try await TestLoop.run { test in
            let redis = try await test.connect(server.address)
            let key = Array(UInt8.min...UInt8.max)
            for size in [0, 1, 255, 16_383, 16_384, 16_385, 1 << 20, 24 << 20] {
                let value = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
                #expect(try await redis.send(["SET", .bytes(key), .bytes(value)]) == .status("OK"))
                #expect(try await redis.send(["GET", .bytes(key)]).bytes == value, "\(size)")
            }
            redis.close()
        }
    }

    @Test func `ten thousand commands at once have their replies in order`() async throws {
        let server = try await RedisServer()
        try await TestLoop.run { test in
            let redis = try await test.connect(server.address)
            let replies = Notes<Int>()
            for number in 0..<10_000 {
                redis.send(["ECHO", .integer(number)]) { reply in replies.all.append((try? reply.get().integer) ?? -1) }
            }
            #expect(try await redis.send(["INCR", "n"]) == 1)
            #expect(replies.all == Array(0..<10_000))
            // And from many tasks.
            let sum = try await withThrowingTaskGroup(of: Int.self) { tasks in
                for _ in 0..<1000 { tasks.addTask { try await redis.send(["INCR", "n"]).integer ?? 0 } }
                return try await tasks.reduce(0, +)
            }
            #expect(sum == (2...1001).reduce(0, +))
            redis.close()
        }
    }

    @Test func `values of a mebibyte, sixty at once, go both ways`() async throws {
        let server = try await RedisServer()
        try await TestLoop.run { test in
            let redis = try await test.connect(server.address)
            let sizes = Notes<Int>()
            for number in 0..<60 {
                let value = [UInt8](repeating: UInt8(number), count: (1 << 20) + number)
                redis.send(["SET", .integer(number), .bytes(value)]) { _ in }
            }
            for number in 0..<60 {
                redis.send(["GET", .integer(number)]) { reply in
                    let bytes = (try? reply.get().bytes) ?? []
                    #expect(bytes.first == UInt8(number) && bytes.last == UInt8(number))
                    sizes.all.append(bytes.count)
                }
            }
            _ = try await redis.send(["PING"])
            #expect(sizes.all == (0..<60).map { (1 << 20) + $0 })
            redis.close()
        }
    }

    @Test func `what is queued is bounded`() async throws {
        let server = try await RedisServer()
        try await TestLoop.run { test in
            var options = RedisOptions()
            options.commandLimit = 10
            options.sendLimit = 1 << 20
            let redis = try await test.connect(server.address, options: options)
            let failures = Notes<Int>()
            for number in 0..<12 {
                redis.send(["PING"]) { reply in
                    if case .failure(.unavailable("too much is under way")) = reply { failures.all.append(number) }
                }
            }
            #expect(failures.all == [10, 11])
            try await test.pause(milliseconds: 50)
            let value = RedisArgument.bytes([UInt8](repeating: 0, count: 700_000))
            redis.send(["SET", "a", value]) { if case .failure = $0 { failures.all.append(1) } }
            redis.send(["SET", "b", value]) { if case .failure = $0 { failures.all.append(2) } }
            #expect(failures.all == [10, 11, 2])
            #expect(try await redis.send(["EXISTS", "a", "b"]) == 1)
            redis.close()
        }
    }

    // MARK: Greeting

    private let ada = ["--user", "ada", "on", ">ada", "~*", "&*", "+@all"]

    @Test func `passwords, users and databases`() async throws {
        let server = try await RedisServer(["--requirepass", "se cret"] + ada)
        try await TestLoop.run { test in
            func connect(_ text: String) async -> Result<String, RedisError> {
                do throws(RedisError) {
                    guard let address = try? RedisAddress("redis://\(text)@127.0.0.1:\(server.port)/3") else {
                        throw .refused("address")
                    }
                    let redis = RedisConnection(address, loop: test.loop)
                    try await redis.connect()
                    defer { redis.close() }
                    return .success(try await redis.send(["CLIENT", "INFO"]).text ?? "")
                } catch {
                    return .failure(error)
                }
            }
            for (text, user) in [(":se%20cret", "default"), ("default:se%20cret", "default"), ("ada:ada", "ada")] {
                let client = try await connect(text).get()
                #expect(client.contains(" name=RoomService ") && client.contains(" db=3 "))
                #expect(client.contains(" user=\(user) "))
            }
            for text in [":wrong", "ada:wrong", "eve:ada", ""] {
                guard case .failure(.authentication) = await connect(text) else {
                    Issue.record("\(text)")
                    continue
                }
            }
        }
    }

    @Test func `a password that nobody asked for, and a database that is not there, are refused`() async throws {
        let server = try await RedisServer()
        try await TestLoop.run { test in
            let withPassword = try RedisAddress("redis://:x@127.0.0.1:\(server.port)")
            guard case .authentication = await test.failure(withPassword) else { return #expect(Bool(false)) }
            let withDatabase = try RedisAddress("redis://127.0.0.1:\(server.port)/99")
            #expect(await test.failure(withDatabase) == .refused("ERR DB index is out of range"))
        }
    }

    @Test func `who may not even say PING is connected all the same`() async throws {
        let server = try await RedisServer(["--user", "ada", "on", ">ada", "~*", "+get"])
        try await TestLoop.run { test in
            let redis = try await test.connect(try RedisAddress("redis://ada:ada@127.0.0.1:\(server.port)"))
            #expect(try await redis.send(["GET", "a"]) == .null)
            guard
                case .refused = await #expect(
                    throws: RedisError.self,
                    performing: { try await redis.send(["SET", "a", "b"]) }
                )
            else { return #expect(Bool(false)) }
            redis.close()
        }
    }

    @Test func `it connects by name, by IPv6 and through a Unix socket`() async throws {
        let server = try await RedisServer(["--bind", "127.0.0.1", "::1", "--unixsocket", "socket"])
        try await TestLoop.run { test in
            for text in [
                "redis://localhost:\(server.port)", "redis://[::1]:\(server.port)",
                "unix://\(server.folder.path)/socket?db=1",
            ] {
                let redis = try await test.connect(try RedisAddress(text))
                #expect(try await redis.send(["PING"]) == .status("PONG"))
                redis.close()
            }
        }
    }
}

extension RedisValue: ExpressibleByIntegerLiteral {
    /// An integer as a reply.
    public init(integerLiteral value: Int) { self = .integer(value) }
}
