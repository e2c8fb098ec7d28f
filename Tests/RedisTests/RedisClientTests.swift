import HTTPServer
import Redis
import RedisTestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct RedisClientTests {
    @Test func `a server that is killed and comes back is noticed, and found again`() async throws {
        let server = try await RedisServer()
        try await TestLoop.run { test in
            let client = RedisClient(server.address, loop: test.loop)
            let news = Notes<RedisAvailability>()
            #expect(client.observe { news.all.append($0) } == 1)
            #expect(!client.isConnected && client.fault != nil)
            client.start()
            #expect(try await test.wait { client.isConnected })
            #expect(news.all == [.connected] && client.fault == nil)
            for round in 1...2 {
                #expect(try await client.send(["SET", "a", "b"]) == .status("OK"))
                server.kill()
                #expect(try await test.wait { !client.isConnected })
                guard case .lost(.unavailable) = news.all.last else { return #expect(Bool(false)) }
                // At once, and for as long as it is away.
                await #expect(throws: RedisError.self) { try await client.send(["GET", "a"]) }
                try await test.pause(milliseconds: 300)
                #expect(news.all.count == round * 2, "the loss is told once")
                try await server.start()
                #expect(try await test.wait { client.isConnected })
                #expect(news.all.count == round * 2 + 1 && news.all.last == .connected)
                #expect(try await client.send(["GET", "a"]) == .null)
            }
            client.removeObserver(1)
            client.close()
            #expect(news.all.count == 5 && !client.isConnected)
            await #expect(throws: RedisError.unavailable("it was closed")) { try await client.send(["PING"]) }
        }
    }

    @Test func `a Redis that is not there at the start is lost once, and found when it comes`() async throws {
        let port = try TestSocket.freePort()
        try await TestLoop.run { test in
            let client = RedisClient(RedisAddress(host: "127.0.0.1", port: port), loop: test.loop)
            let news = Notes<RedisAvailability>()
            _ = client.observe { news.all.append($0) }
            client.start()
            try await test.pause(milliseconds: 500)
            #expect(news.all == [.lost(.unavailable("Connection refused"))])
            let server = try await RedisServer(port: port)
            #expect(try await test.wait { client.isConnected })
            #expect(news.all.last == .connected && news.all.count == 2)
            client.close()
            server.kill()
        }
    }

    /// Moves the clock in tenths of a second until the client is without a connection; returns how long that took, in
    /// milliseconds.
    private func timeUntilLost(_ test: TestLoop, _ client: RedisClient) async -> Int {
        for passed in stride(from: 0, through: 10_000, by: 100) {
            if !client.isConnected { return passed }
            await test.advance(milliseconds: 100)
        }
        return .max
    }

    @Test(arguments: [false, true])
    func `a server that stands still is noticed within two seconds`(isBusy: Bool) async throws {
        let server = try await RedisServer()
        try await TestLoop.runManually { test in
            let client = try await test.client(server.address)
            let failures = Notes<RedisError>()
            server.pause()
            if isBusy {
                for _ in 0..<100 {
                    client.send(["PING"]) { if case .failure(let error) = $0 { failures.all.append(error) } }
                }
            }
            #expect(await timeUntilLost(test, client) == (isBusy ? 1000 : 1900))
            #expect(failures.all == Array(repeating: .unavailable("no answer within 1000 ms"), count: isBusy ? 100 : 0))
            // As long as it stands still, connections to it come about, and are of no use.
            for _ in 0..<40 { await test.advance(milliseconds: 100) }
            #expect(!client.isConnected)
            server.resume()
            for _ in 0..<100 where !client.isConnected {
                await test.advance(milliseconds: 100)
                try await test.pause(milliseconds: 10)
            }
            #expect(client.isConnected)
            client.close()
        }
    }

    @Test func `a server that stands still is noticed within two seconds of real time`() async throws {
        let server = try await RedisServer()
        try await TestLoop.run { test in
            let client = try await test.client(server.address)
            try await test.pause(milliseconds: 100)
            server.pause()
            let start = ContinuousClock.now
            #expect(try await test.wait { !client.isConnected })
            #expect(ContinuousClock.now - start < .milliseconds(2400), "and what the machine needs for it")
            server.resume()
            client.close()
        }
    }

    @Test func `a connection that is silent, but alive, is kept`() async throws {
        let server = try await RedisServer()
        try await TestLoop.run { test in
            let client = try await test.client(server.address)
            let id = try await client.send(["CLIENT", "ID"]).integer
            try await test.pause(milliseconds: 3000)
            #expect(try await client.send(["CLIENT", "ID"]).integer == id)
            let statistics = try await client.send(["INFO", "commandstats"]).text ?? ""
            #expect(statistics.contains("cmdstat_ping:calls=5"), "the server's, the greeting's, and three")
            client.close()
        }
    }

    @Test func `a connection that swallows everything is noticed`() async throws {
        let server = try await RedisServer()
        let proxy = try CuttingProxy(to: server.port)
        defer { proxy.close() }
        try await TestLoop.runManually { test in
            let client = try await test.client(proxy.address)
            let id = try await client.send(["CLIENT", "ID"]).integer
            proxy.swallow(true)
            #expect(await timeUntilLost(test, client) <= 2000)
            proxy.swallow(false)
            for _ in 0..<100 where !client.isConnected {
                await test.advance(milliseconds: 100)
                try await test.pause(milliseconds: 10)
            }
            #expect(try await client.send(["CLIENT", "ID"]).integer != id)
            client.close()
        }
    }

    @Test func `a loop that has not run for a while does not take Redis for lost`() async throws {
        let server = try await RedisServer()
        try await TestLoop.runManually { test in
            let client = try await test.client(server.address)
            for _ in 0..<10 {
                let reply = Notes<RedisConnection.Reply>()
                client.send(["PING"]) { reply.all.append($0) }
                test.time?.advance(by: .seconds(60))
                #expect(try await test.wait { !reply.all.isEmpty })
                #expect(reply.all == [.success(.status("PONG"))])
            }
            client.close()
        }
    }

    @Test func `a slow server is no lost one, and its replies keep their order`() async throws {
        let server = try await RedisServer()
        let proxy = try CuttingProxy(to: server.port)
        defer { proxy.close() }
        try await TestLoop.run { test in
            let client = try await test.client(proxy.address)
            let replies = Notes<Int?>()
            client.send(["DEBUG", "SLEEP", "0.5"]) { replies.all.append((try? $0.get()) == nil ? nil : 0) }
            for number in 1...100 {
                client.send(["ECHO", .integer(number)]) { replies.all.append(try? $0.get().integer) }
            }
            #expect(try await test.wait { replies.all.count == 101 })
            proxy.delay(milliseconds: 250)
            for number in 101...200 {
                client.send(["ECHO", .integer(number)]) { replies.all.append(try? $0.get().integer) }
                if number % 10 == 0 { try await test.pause(milliseconds: 20) }
            }
            #expect(try await test.wait { replies.all.count == 201 })
            #expect(replies.all == (0...200).map { $0 })
            client.close()
        }
    }

    @Test func `after a failover the client looks for the Redis that takes writes`() async throws {
        let server = try await RedisServer()
        try await TestLoop.run { test in
            let client = try await test.client(server.address)
            let news = Notes<RedisAvailability>()
            _ = client.observe { news.all.append($0) }
            #expect(try await client.send(["REPLICAOF", "127.0.0.1", 1]) == .status("OK"))
            await #expect(throws: RedisError.readOnly) { try await client.send(["SET", "a", "b"]) }
            #expect(try await test.wait { news.all == [.lost(.readOnly), .connected] })
            #expect(try await client.send(["REPLICAOF", "NO", "ONE"]) == .status("OK"))
            #expect(try await client.send(["SET", "a", "b"]) == .status("OK"))
            client.close()
        }
    }

    @Test func `a wrong password is told, and tried again`() async throws {
        let server = try await RedisServer(["--requirepass", "right"])
        try await TestLoop.run { test in
            var address = server.address
            address.password = "wrong"
            let client = RedisClient(address, loop: test.loop)
            let news = Notes<RedisAvailability>()
            _ = client.observe { news.all.append($0) }
            client.start()
            #expect(try await test.wait { news.all.count == 1 })
            guard case .lost(.authentication) = news.all.first else { return #expect(Bool(false)) }
            await #expect(throws: RedisError.self) { try await client.send(["PING"]) }
            let admin = try await test.connect(try RedisAddress("redis://:right@127.0.0.1:\(server.port)"))
            _ = try await admin.send(["CONFIG", "SET", "requirepass", "wrong"])
            #expect(try await test.wait { client.isConnected })
            admin.close()
            client.close()
        }
    }
}
