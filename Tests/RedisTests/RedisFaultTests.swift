import HTTPServer
import Redis
import RedisTestSupport
import Testing

/// What a Redis may say that is no reply, and what it may not say at all.
@Suite(.timeLimit(.minutes(1))) struct RedisFaultTests {
    @Test func `a port on which nobody listens, a name that is none, a socket that is not there`() async throws {
        let port = try TestSocket.freePort()
        try await TestLoop.run { test in
            var options = RedisOptions()
            options.connectTimeout = 8_000_000_000
            for text in [
                "redis://127.0.0.1:\(port)", "redis://localhost:\(port)", "redis://no-such-host.invalid",
                "unix:///no/socket",
            ] {
                guard case .unavailable(let reason) = await test.failure(try RedisAddress(text), options: options)
                else {
                    Issue.record("\(text)")
                    continue
                }
                #expect(!reason.isEmpty)
            }
        }
    }

    @Test func `a server that accepts and says nothing has a second`() async throws {
        let server = try ScriptedServer { socket in
            while try !socket.read().isEmpty {}
        }
        defer { server.close() }
        try await TestLoop.runManually { test in
            let ended = Notes<RedisError?>()
            let redis = RedisConnection(server.address, loop: test.loop)
            redis.connect { if case .failure(let error) = $0 { ended.all.append(error) } }
            let hasCome = try await test.wait { server.connectionCount == 1 }
            #expect(hasCome)
            await test.advance(milliseconds: 900)
            #expect(ended.all.isEmpty)
            await test.advance(milliseconds: 100)
            #expect(ended.all == [.unavailable("no answer within 1000 ms")])
        }
    }

    @Test(arguments: [
        ("-LOADING Redis is loading the dataset in memory\r\n", RedisError.loading),
        ("-NOAUTH Authentication required.\r\n", .authentication("NOAUTH Authentication required.")),
        ("-ERR max number of clients reached\r\n", .unavailable("ERR max number of clients reached")),
        ("-MASTERDOWN Link\r\n", .unavailable("MASTERDOWN Link")),
    ])
    func `a Redis that does not serve says why`(reply: String, error: RedisError) async throws {
        let server = try ScriptedServer { try $0.greet(ping: reply) }
        defer { server.close() }
        try await TestLoop.run { test in #expect(await test.failure(server.address) == error) }
    }

    @Test(arguments: [
        "HTTP/1.1 400 Bad Request\r\n\r\n", "\r\n", "\0\0\0\0", ":x\r\n", "$-5\r\n", "*-5\r\n", "$x\r\n",
        ":99999999999999999999\r\n",
        "*2147483647\r\n", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", "%1\r\n+a\r\n+b\r\n",
        "+PONG\r\n+MORE\r\n",
        "+PONG\r\n-ERR and goodbye\r\n", "+PONG\r\n*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n", "$5\r\nab",
    ])
    func `what is no reply, or a reply to nothing, ends the connection and nothing else`(text: String) async throws {
        let server = try ScriptedServer { socket in
            try socket.greet()
            _ = try socket.command()
            try socket.write(text)
            if text == "$5\r\nab" { return }
            while !(try socket.read().isEmpty) {}
        }
        defer { server.close() }
        try await TestLoop.run { test in
            let redis = try await test.connect(server.address)
            _ = try? await redis.send(["PING"])
            #expect(try await test.wait { !redis.isOpen })
            await #expect(throws: RedisError.self) { try await redis.send(["PING"]) }
        }
    }

    @Test func `a reply that never ends is not held for ever`() async throws {
        let server = try ScriptedServer { socket in
            try socket.greet()
            _ = try socket.command()
            try socket.write("$99999999999\r\n")
            while true { try socket.write([UInt8](repeating: 120, count: 65_536)) }
        }
        defer { server.close() }
        try await TestLoop.run { test in
            var options = RedisOptions()
            options.replyLimit = 1 << 20
            let redis = try await test.connect(server.address, options: options)
            await #expect(throws: RedisError.unavailable("a reply of more than 1048576 bytes")) {
                try await redis.send(["GET", "a"])
            }
        }
    }

    @Test func `all that wait hear that the connection was lost, in order`() async throws {
        let server = try ScriptedServer { socket in
            try socket.greet()
            _ = try socket.command()
            try socket.write(":1\r\n")
        }
        defer { server.close() }
        try await TestLoop.run { test in
            let redis = try await test.connect(server.address)
            let replies = Notes<String>()
            for number in 0..<3 {
                redis.send(["PING"]) { reply in
                    switch reply {
                    case .success: replies.all.append("\(number) ok")
                    case .failure(.unavailable):
                        replies.all.append("\(number) lost")
                        // Asking again at that moment is answered at once.
                        redis.send(["PING"]) { if case .failure = $0 { replies.all.append("\(number) again") } }
                    case .failure: break
                    }
                }
            }
            #expect(try await test.wait { replies.all.count == 5 })
            #expect(replies.all == ["0 ok", "1 lost", "1 again", "2 lost", "2 again"])
        }
    }

    // MARK: Real ones

    @Test func `a Redis that is full refuses what needs memory, by a script too`() async throws {
        let server = try await RedisServer()
        try await TestLoop.run { test in
            let redis = try await test.connect(server.address)
            #expect(try await redis.send(["SET", "a", "b"]) == .status("OK"))
            #expect(try await redis.send(["CONFIG", "SET", "maxmemory", 1]) == .status("OK"))
            await #expect(throws: RedisError.outOfMemory) { try await redis.send(["SET", "a", "c"]) }
            await #expect(throws: RedisError.outOfMemory) {
                try await redis.send(["EVAL", "return redis.call('SET', KEYS[1], 'c')", 1, "a"])
            }
            #expect(try await redis.send(["GET", "a"]).text == "b")
            #expect(try await redis.send(["CONFIG", "SET", "maxmemory", 0]) == .status("OK"))
            #expect(try await redis.send(["SET", "a", "c"]) == .status("OK"))
            redis.close()
        }
    }

    @Test func `a replica takes no writes, and is left; one without its master serves nothing`() async throws {
        let server = try await RedisServer(["--replicaof", "127.0.0.1", "1"])
        try await TestLoop.run { test in
            let redis = try await test.connect(server.address)
            #expect(try await redis.send(["GET", "a"]) == .null)
            await #expect(throws: RedisError.readOnly) { try await redis.send(["SET", "a", "b"]) }
            #expect(try await test.wait { !redis.isOpen })
            let other = try await test.connect(server.address)
            await #expect(throws: RedisError.readOnly) {
                try await other.send(["EVAL", "return redis.call('SET', KEYS[1], 'c')", 1, "a"])
            }
            let third = try await test.connect(server.address)
            _ = try await third.send(["CONFIG", "SET", "replica-serve-stale-data", "no"])
            guard case .unavailable(let reason) = await test.failure(server.address) else {
                return #expect(Bool(false))
            }
            #expect(reason.hasPrefix("MASTERDOWN"))
            third.close()
        }
    }
}
