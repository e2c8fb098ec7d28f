import Redis
import RedisTestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct RedisSubscriberTests {
    /// A subscriber that is connected.
    private func subscriber(_ test: TestLoop, _ address: RedisAddress) async throws -> RedisSubscriber {
        let subscriber = RedisSubscriber(address, loop: test.loop)
        subscriber.start()
        #expect(try await test.wait { subscriber.isConnected })
        return subscriber
    }

    @Test func `what is published arrives in order, whatever its bytes`() async throws {
        let server = try await RedisServer()
        try await TestLoop.run { test in
            let client = try await test.client(server.address)
            let subscriber = try await subscriber(test, server.address)
            let heard = Notes<RedisSubscriber.Event>()
            let subscription = subscriber.subscribe("news") { heard.all.append($0) }
            try await subscriber.confirmation(of: subscription)
            #expect(heard.all == [.subscribed])
            let messages = (0..<1000).map { [UInt8](repeating: UInt8(truncatingIfNeeded: $0), count: $0 * 7 % 3000) }
            for message in messages { client.send(["PUBLISH", "news", .bytes(message)]) { _ in } }
            #expect(try await client.send(["PUBLISH", "other", "x"]) == 0)
            #expect(try await test.wait { heard.all.count == 1001 })
            #expect(heard.all == [.subscribed] + messages.map { .message($0) })
            subscriber.close()
            client.close()
        }
    }

    @Test func `each channel has its handlers, until they unsubscribe`() async throws {
        let server = try await RedisServer()
        try await TestLoop.run { test in
            let client = try await test.client(server.address)
            let subscriber = try await subscriber(test, server.address)
            let heard = Notes<String>()
            func listen(_ name: String, to channel: String) async throws -> RedisSubscriber.Subscription {
                let subscription = subscriber.subscribe(channel) { event in
                    if case .message(let bytes) = event {
                        heard.all.append("\(name) \(String(decoding: bytes, as: UTF8.self))")
                    }
                }
                try await subscriber.confirmation(of: subscription)
                return subscription
            }
            let first = try await listen("1", to: "a")
            let second = try await listen("2", to: "b")
            let third = try await listen("3", to: "b")
            await test.loop.barrier()
            func publish(_ text: String) async throws {
                for channel in ["a", "b"] {
                    _ = try await client.send(["PUBLISH", .text(channel), .text("\(channel)\(text)")])
                }
                try await test.pause(milliseconds: 30)
            }
            try await publish("x")
            #expect(heard.all == ["1 ax", "2 bx", "3 bx"])
            subscriber.unsubscribe(second)
            subscriber.unsubscribe(first)
            try await publish("y")
            #expect(heard.all.dropFirst(3) == ["3 by"])
            #expect(try await client.send(["PUBSUB", "CHANNELS"]) == .array([.string(Array("b".utf8))]))
            await #expect(throws: RedisError.unavailable("the subscription has ended")) {
                try await subscriber.confirmation(of: first)
            }
            subscriber.unsubscribe(third)
            // Ended and begun again at once: what is published later counts.
            let fourth = try await listen("4", to: "a")
            subscriber.unsubscribe(fourth)
            _ = try await listen("5", to: "a")
            try await publish("z")
            #expect(heard.all.dropFirst(4) == ["5 az"])
            subscriber.close()
            client.close()
        }
    }

    @Test func `a handler may end subscriptions, its own and others`() async throws {
        let server = try await RedisServer()
        try await TestLoop.run { test in
            let client = try await test.client(server.address)
            let subscriber = try await subscriber(test, server.address)
            let heard = Notes<String>()
            let others = Notes<RedisSubscriber.Subscription>()
            let first = subscriber.subscribe("a") { event in
                guard case .message = event else { return }
                heard.all.append("first")
                for other in others.all { subscriber.unsubscribe(other) }
            }
            let second = subscriber.subscribe("a") { if case .message = $0 { heard.all.append("second") } }
            try await subscriber.confirmation(of: second)
            others.all = [first, second]
            #expect(try await client.send(["PUBLISH", "a", "x"]) == 1)
            #expect(try await test.wait { !heard.all.isEmpty })
            try await test.pause(milliseconds: 30)
            #expect(heard.all == ["first"])
            #expect(try await client.send(["PUBSUB", "CHANNELS"]) == .array([]))
            subscriber.close()
            client.close()
        }
    }

    @Test func `after a loss all channels are subscribed again, and each handler hears of the gap`() async throws {
        let server = try await RedisServer()
        let proxy = try CuttingProxy(to: server.port)
        defer { proxy.close() }
        try await TestLoop.run { test in
            let client = try await test.client(server.address)
            let subscriber = try await subscriber(test, proxy.address)
            let heard = Notes<String>()
            func listen(_ name: String) -> RedisSubscriber.Subscription {
                subscriber.subscribe(name) { event in
                    switch event {
                    case .subscribed: heard.all.append("\(name) subscribed")
                    case .gap: heard.all.append("\(name) gap")
                    case .message(let bytes): heard.all.append("\(name) \(String(decoding: bytes, as: UTF8.self))")
                    }
                }
            }
            let subscriptions = ["a", "b"].map(listen)
            for subscription in subscriptions { try await subscriber.confirmation(of: subscription) }
            _ = try await client.send(["PUBLISH", "a", "1"])
            #expect(try await test.wait { heard.all.count == 3 })
            proxy.cut()
            #expect(try await test.wait { !subscriber.isConnected })
            _ = try await client.send(["PUBLISH", "a", "2"])
            let late = listen("c")
            await #expect(throws: RedisError.self) { try await subscriber.confirmation(of: late) }
            await #expect(throws: RedisError.self) { try await subscriber.confirmation(of: subscriptions[0]) }
            #expect(try await test.wait { heard.all.count == 6 })
            #expect(heard.all.prefix(3) == ["a subscribed", "b subscribed", "a 1"])
            #expect(heard.all.dropFirst(3).sorted() == ["a gap", "b gap", "c subscribed"])
            for channel in ["a", "b", "c"] { _ = try await client.send(["PUBLISH", .text(channel), "3"]) }
            #expect(try await test.wait { heard.all.count == 9 })
            #expect(heard.all.dropFirst(6) == ["a 3", "b 3", "c 3"])
            subscriber.close()
            client.close()
        }
    }

    @Test func `a subscription that Redis refuses says so`() async throws {
        let server = try await RedisServer(["--user", "ada", "on", ">ada", "~*", "resetchannels", "&allowed", "+@all"])
        try await TestLoop.run { test in
            let subscriber = try await subscriber(test, try RedisAddress("redis://ada:ada@127.0.0.1:\(server.port)"))
            try await subscriber.confirmation(of: subscriber.subscribe("allowed") { _ in })
            let refused = subscriber.subscribe("other") { _ in }
            for _ in 0..<2 {
                let error = await #expect(throws: RedisError.self) { try await subscriber.confirmation(of: refused) }
                guard case .refused(let text) = error else { return #expect(Bool(false)) }
                #expect(text.hasPrefix("NOPERM"))
            }
            subscriber.close()
        }
    }

    @Test func `a silent subscription is kept`() async throws {
        let server = try await RedisServer()
        try await TestLoop.run { test in
            let subscriber = try await subscriber(test, server.address)
            let heard = Notes<RedisSubscriber.Event>()
            try await subscriber.confirmation(of: subscriber.subscribe("a") { heard.all.append($0) })
            try await test.pause(milliseconds: 2500)
            #expect(heard.all == [.subscribed])
            subscriber.close()
        }
    }

    @Test func `a half-open subscription is noticed, and made again`() async throws {
        let server = try await RedisServer()
        let proxy = try CuttingProxy(to: server.port)
        defer { proxy.close() }
        try await TestLoop.runManually { test in
            let subscriber = try await subscriber(test, proxy.address)
            let heard = Notes<RedisSubscriber.Event>()
            try await subscriber.confirmation(of: subscriber.subscribe("a") { heard.all.append($0) })
            proxy.swallow(true)
            for _ in 0..<20 { await test.advance(milliseconds: 100) }
            #expect(!subscriber.isConnected)
            proxy.swallow(false)
            for _ in 0..<200 where heard.all.count < 2 {
                await test.advance(milliseconds: 100)
                try await test.pause(milliseconds: 10)
            }
            #expect(heard.all == [.subscribed, .gap])
            subscriber.close()
        }
    }
}
