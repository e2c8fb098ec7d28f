import HTTPServer
import Redis
import RedisTestSupport
import Testing

@testable import struct Redis.Backoff

/// What connections leave behind, and how soon the next one follows.
@Suite(.timeLimit(.minutes(1))) struct RedisClosingTests {
    @Test func `a thousand connections that are lost leave no descriptor, nor do those that never come about`()
        async throws
    {
        let server = try ScriptedServer { socket in
            try socket.greet()
            _ = try socket.command()
        }
        try await TestLoop.runManually { test in
            let client = try await test.client(server.address)
            let before = openDescriptors()
            for round in 1...1000 {
                let failures = Notes<RedisError>()
                client.send(["PING"]) { if case .failure(let error) = $0 { failures.all.append(error) } }
                guard try await test.wait(until: { !client.isConnected }) else { break }
                #expect(failures.all.count == 1)
                await test.advance(milliseconds: 2000)
                guard try await test.wait(until: { client.isConnected }) else { break }
                #expect(server.connectionCount == round + 1)
            }
            #expect(openDescriptors() <= before + 2, "a thread of the server's may not have come to its end")
            server.close()
            #expect(try await test.wait { !client.isConnected })
            for _ in 0..<100 { await test.advance(milliseconds: 2000) }
            #expect(openDescriptors() <= before)
            client.close()
            #expect(openDescriptors() < before)
        }
    }

    @Test func `what is closed is let go of, with all that waits`() async throws {
        let server = try await RedisServer()
        try await TestLoop.run { test in
            let before = openDescriptors()
            weak var gone: RedisClient?
            weak var connection: RedisConnection?
            do {
                let client = try await test.client(server.address)
                let other = try await test.connect(server.address)
                (gone, connection) = (client, other)
                let failures = Notes<RedisError>()
                client.send(["DEBUG", "SLEEP", "0.1"]) {
                    if case .failure(let error) = $0 { failures.all.append(error) }
                }
                other.send(["PING"]) { if case .failure(let error) = $0 { failures.all.append(error) } }
                client.close()
                other.close()
                other.close()
                #expect(failures.all == Array(repeating: .unavailable("the connection was closed"), count: 2))
                let inTheMaking = RedisClient(server.address, loop: test.loop)
                inTheMaking.start()
                inTheMaking.close()
                #expect(!inTheMaking.isConnected)
            }
            await test.loop.barrier()
            #expect(try await test.wait { gone == nil && connection == nil })
            #expect(openDescriptors() == before)
        }
    }

    @Test func `tries are 0.1 to 2 seconds apart, at random`() {
        var seen: Set<Int64> = []
        for _ in 0..<100 {
            var backoff = Backoff()
            let delays = (0..<10).map { _ in backoff.next() }
            seen.insert(delays[9])
            #expect(delays.allSatisfy { (100_000_000...2_000_000_000).contains($0) })
            #expect(delays[0] <= 200_000_000 && delays[9] >= 1_000_000_000)
        }
        #expect(seen.count > 90)
    }
}
