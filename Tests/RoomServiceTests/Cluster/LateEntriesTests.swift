import Primitives
import Redis
import RedisTestSupport
import Streaming
import Testing

@testable import RoomService

/// What was told is void after its time, wherever it was held up: it may have been stopped meanwhile.
@Suite(.timeLimit(.minutes(1))) struct LateEntriesTests {
    /// Redis's time, in milliseconds.
    private static func now(_ redis: RedisPeers) async throws -> Int64 {
        let words = try await redis.ask(["TIME"]).array?.compactMap(\.integer) ?? []
        return Int64(words[0] * 1000 + words[1] / 1000)
    }

    @Test func `what comes to Redis too late is neither kept nor passed on`() async throws {
        try await RedisPeers.run { redis in
            let member = try await redis.member("a")
            let heard = try await redis.listen(to: "events:s1")
            let now = try await Self.now(redis)
            for (number, until) in [now + 600_000, now - 1, 1, 0, now + 600_000].enumerated() {
                let events = StreamEntry.events(.init(first: number, next: number + 1, bytes: [7], until: until))
                var command = AppendCommand(instanceID: "a", token: member.membership.token ?? 0, until: until)
                command.add(events, of: "s1", begins: number == 0, keptFor: 60_000)
                let reply = try await member.client.ask(
                    ClusterScripts.append,
                    keys: command.keys,
                    arguments: command.arguments
                )
                #expect(reply == ([1, 2].contains(number) ? .integer(0) : .array([.integer(1)])))
            }
            let kept = try await redis.entries(of: "s1")
            #expect(kept.compactMap { if case .events(let events) = $0 { events.first } else { nil } } == [0, 3, 4])
            try await wait { await heard.raw.compactMap(StreamEntry.init) == kept }
        }
    }

    @Test func `what was late is told anew when the clock is right, each event once`() async throws {
        try await FeedBench.run { bench in
            // By the clock that it has, it is 1970.
            let slow = try ScriptedServer { socket in
                try socket.greet()
                while try socket.command() == ["TIME"] { try socket.write("*2\r\n$4\r\n1000\r\n$1\r\n0\r\n") }
            }
            defer { slow.close() }
            let other = RedisClient(slow.address, options: .patient, loop: bench.member.client.loop)
            await bench.onLoop { other.start() }
            try await wait { await other.onLoop { other.isConnected } }
            try await Task(executorPreference: other.loop) { try await bench.clock.measure(other) }.value
            await bench.onLoop { other.close() }

            let heard = try await bench.redis.listen(to: "events:s1")
            let stream = await bench.begin("s1")
            await bench.onLoop { stream.append("word ", isUrgent: true) }
            for _ in 0..<10 { try await bench.redis.advance(milliseconds: 100) }
            #expect(bench.commandCount > 1)
            #expect(try await !bench.redis.exists("stream:s1"))
            // It is not tried without a pause.
            let count = bench.commandCount
            for _ in 0..<10 { try await bench.redis.settle() }
            #expect(bench.commandCount == count)

            await bench.onLoop { stream.end() }
            try await wait {
                let client = bench.member.client
                try await Task(executorPreference: client.loop) { try await bench.clock.measure(client) }.value
                try await bench.redis.advance(milliseconds: 10)
                return try await bench.redis.copy(of: "s1")?.log?.hasEnded == true
            }
            #expect(try await bench.redis.copy(of: "s1")?.log?.allBytes == stream.bytes)
            let kept = try await bench.redis.entries(of: "s1")
            #expect(kept.map(\.eventCount).reduce(0, +) == stream.log.eventCount)
            try await wait { await heard.raw.compactMap(StreamEntry.init) == kept }
        }
    }

    @Test(arguments: [false, true])
    func `what comes to a follower too late is shown only where Redis knows of no stop`(isStopped: Bool) async throws {
        try await ClusterBench.run(["a", "b"]) { bench in
            let (owner, other) = (bench.instances[0], bench.instances[1])
            try await bench.makeSession("x")
            let stream = try await owner.ask("x")
            owner.mouth.say("word ")
            try await bench.eventually { stream.log.answer == "word " }
            try await bench.waitUntilTold(stream)
            let copy = try #require(await other.cluster.remote.copy(of: stream.id)).log

            let before = try await Self.now(bench.redis)
            try await Task(executorPreference: other.loop) { try await other.cluster.measureClock() }.value
            let after = try await Self.now(bench.redis)
            var encoder = StreamEventEncoder(
                streamID: stream.id,
                agentType: stream.agentType,
                firstSequence: copy.eventCount
            )
            let (key, channel) = ("stream:\(stream.id)", "events:\(stream.id)")
            // As the clock stands still, it is between the two for as long as the test wants.
            for (text, until) in [("in time ", after + 1), ("late ", before - 1)] {
                let first = stream.log.eventCount + (until > after ? 0 : 1)
                encoder.encodeContent(Array(text.utf8))
                let events = StreamEntry.events(
                    .init(first: first, next: first + 1, bytes: encoder.bytes, until: until)
                )
                try await bench.redis.ask(["XADD", .text(key), "*", "e", .bytes(events.encoded)])
                if isStopped, until < before {
                    // It was told while this follower was held up.
                    let seal = StreamEntry.sealed(by: "a", request: 1)
                    try await bench.redis.ask(["XADD", .text(key), "*", "e", .bytes(seal.encoded)])
                }
                try await bench.redis.ask(["PUBLISH", .text(channel), .bytes(events.encoded)])
            }
            try await wait { copy.answer == "word in time late " }
            #expect(!copy.isCut && other.cluster.copyCount == 1)
            var (place, bytes) = (CopyPlace(), [UInt8]())
            guard case .copied(let areHidden) = copy.copyEvents(from: &place, to: &bytes, limit: .max) else {
                throw WaitedInVain()
            }
            #expect(areHidden == isStopped)
        }
    }

    @Test func `what has come too late and is not in Redis is not shown`() async throws {
        try await ClusterBench.run(["a", "b"]) { bench in
            let (owner, other) = (bench.instances[0], bench.instances[1])
            try await bench.makeSession("x")
            let stream = try await owner.ask("x")
            try await bench.waitUntilTold(stream)
            let copy = try #require(await other.cluster.remote.copy(of: stream.id)).log
            try await Task(executorPreference: other.loop) { try await other.cluster.measureClock() }.value
            var encoder = StreamEventEncoder(streamID: stream.id, agentType: stream.agentType, firstSequence: 1)
            encoder.encodeContent(Array("late ".utf8))
            let events = StreamEntry.events(.init(first: 1, next: 2, bytes: encoder.bytes, until: 1))
            try await bench.redis.ask(["PUBLISH", .text("events:\(stream.id)"), .bytes(events.encoded)])
            owner.mouth.say("word ")
            try await bench.eventually { copy.answer != "" }
            #expect(copy.answer == "word ")
        }
    }
}
