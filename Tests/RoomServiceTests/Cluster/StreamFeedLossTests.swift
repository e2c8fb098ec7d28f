import Primitives
import Redis
import RedisTestSupport
import Streaming
import TestSupport
import Testing

@testable import RoomService

/// What others are told of a stream when the lease, or Redis, is lost: nothing by one who may have been replaced, else all, to the end.
@Suite(.timeLimit(.minutes(1))) struct StreamFeedLossTests {
    @Test func `nothing is told once the lease is lost`() async throws {
        try await FeedBench.run { bench in
            let stream = await bench.begin("s1")
            await bench.onLoop { stream.append("before ") }
            try await bench.waitUntilTold(stream)
            let entries = try await bench.redis.entries(of: "s1")
            let heard = try await bench.redis.listen(to: "events:s1")
            let began = try await bench.redis.listen(to: "began:session_s2")
            try await bench.redis.endLease(of: bench.member)

            await bench.onLoop { stream.append("after ", isUrgent: true) }
            let other = await bench.begin("s2")
            try await bench.redis.advance(milliseconds: 10)
            await bench.onLoop {
                stream.end()
                other.end()
            }
            for _ in 0..<10 { try await bench.redis.advance(milliseconds: 300) }
            #expect(try await bench.redis.entries(of: "s1") == entries)
            #expect(try await !bench.redis.exists("stream:s2"))

            // And not when it knows: others have taken over.
            #expect(try await bench.redis.member("b", 1).takeOver() != nil)
            #expect(try await bench.member.renew() == .replaced)
            await bench.onLoop { bench.feed.restart() }
            for _ in 0..<10 { try await bench.redis.advance(milliseconds: 300) }
            #expect(try await bench.redis.entries(of: "s1") == entries)
            // What was published before this has been heard.
            for channel in ["events:s1", "began:session_s2"] {
                try await bench.redis.ask(["PUBLISH", .text(channel), "mark"])
            }
            for one in [heard, began] { try await wait { await !one.raw.isEmpty } }
            #expect(await heard.all == ["mark"])
            #expect(await began.all == ["mark"])
        }
    }

    @Test func `who joins again tells all that was not told, the end included`() async throws {
        try await FeedBench.run { bench in
            let stream = await bench.begin("s1")
            try await bench.waitUntilTold(stream)
            try await bench.redis.endLease(of: bench.member)
            await bench.onLoop {
                for number in 0..<100 { stream.append("\(number) ") }
                stream.end()
            }
            try await bench.redis.advance(milliseconds: 10)
            try await bench.rejoin()
            try await bench.waitUntilTold(stream)
            #expect(try await bench.redis.copy(of: "s1")?.log?.allBytes == stream.bytes)
            #expect((1...5000).contains(try await bench.redis.timeToLive("stream:s1")))
        }
    }

    @Test func `a Redis that has forgotten all is told all again`() async throws {
        try await FeedBench.run { bench in
            let (stream, quiet) = (await bench.begin("s1"), await bench.begin("s2"))
            await bench.onLoop {
                for number in 0..<100 { stream.append("\(number) ") }
                quiet.append("word")
            }
            try await bench.waitUntilTold(stream)
            try await bench.waitUntilTold(quiet)
            try await bench.redis.ask(["FLUSHALL"])
            await bench.onLoop { stream.end() }
            try await bench.rejoin()
            try await bench.waitUntilTold(stream)
            #expect(try await bench.redis.copy(of: "s1")?.log?.allBytes == stream.bytes)
            // One that had nothing new meanwhile is told as well.
            try await bench.waitUntilTold(quiet)
            #expect(try await bench.redis.copy(of: "s2")?.log?.allBytes == quiet.bytes)
        }
    }

    @Test func `a stream alone that Redis has lost is told again with its next event`() async throws {
        try await FeedBench.run { bench in
            let stream = await bench.begin("s1")
            await bench.onLoop { stream.append("one ") }
            try await bench.waitUntilTold(stream)
            try await bench.redis.ask(["DEL", "stream:s1"])
            await bench.onLoop { stream.end() }
            try await bench.waitUntilTold(stream)
            #expect(try await bench.redis.copy(of: "s1")?.log?.allBytes == stream.bytes)
        }
    }

    @Test func `an end that Redis refuses for a moment is told when it takes it`() async throws {
        try await FeedBench.run { bench in
            let stream = await bench.begin("s1")
            try await bench.waitUntilTold(stream)
            try await bench.redis.ask(["CONFIG", "SET", "maxmemory", 1])
            await bench.onLoop { stream.end() }
            try await wait { bench.commandCount == 2 }
            try await bench.redis.settle()
            #expect(try await bench.redis.copy(of: "s1")?.log?.hasEnded == false)
            try await bench.redis.ask(["CONFIG", "SET", "maxmemory", 0])
            // The lease is good, and nothing else happens on this instance.
            #expect(try await bench.member.renew() == .member)
            try await bench.waitUntilTold(stream)
            #expect(try await bench.redis.copy(of: "s1")?.log?.allBytes == stream.bytes)
        }
    }

    @Test func `the end of a stopped stream comes with all that it had`() async throws {
        try await FeedBench.run { bench in
            let stream = await bench.begin("s1")
            await bench.onLoop {
                stream.append("shown ")
                _ = stream.log.seal()
                stream.append("refused ")
                stream.end(.cancelled)
            }
            try await bench.waitUntilTold(stream)
            let copy = try #require(try await bench.redis.copy(of: "s1"))
            #expect(copy.log?.allBytes == stream.bytes && copy.log?.answer == "shown ")
        }
    }

    /// A stream, one who follows it from its beginning by what is published, and all that can befall them.
    @Test(arguments: 0..<8)
    func `whatever befalls Redis, entries add up to the same ids and bytes`(seed: UInt64) async throws {
        try await FeedBench.run { bench in
            var random = SeededGenerator(seed: seed)
            let heard = try await bench.redis.listen(to: "events:s1")
            let stream = await bench.begin("s1")
            for number in 0..<60 {
                let count = Int.random(in: 1...100, using: &random)
                await bench.onLoop { for index in 0..<count { stream.append("\(number).\(index) \u{1F600}\"\n") } }
                switch Int.random(in: 0..<12, using: &random) {
                case 0: try await bench.redis.ask(["DEL", "stream:s1"])
                case 1: await bench.onLoop { bench.feed.restart() }
                case 2:
                    try await bench.redis.ask(["FLUSHALL"])
                    try await bench.rejoin()
                case 3:
                    try await bench.redis.endLease(of: bench.member)
                    await bench.onLoop { stream.append("unheard ", isUrgent: true) }
                    try await bench.rejoin()
                case 4: try await bench.redis.ask(["SCRIPT", "FLUSH"])
                default: try await bench.redis.advance(milliseconds: Int.random(in: 0...15, using: &random))
                }
            }
            await bench.onLoop { stream.end() }
            try await bench.waitUntilTold(stream)
            let log = try #require(try await bench.redis.copy(of: "s1")?.log)
            #expect(log.allBytes == stream.bytes)
            #expect(log.hasEnded && log.eventCount == stream.log.eventCount && log.answer == stream.log.answer)
            try await wait {
                let follower = RemoteStream(id: "s1", retainedLimit: .max)
                for entry in await heard.raw.compactMap(StreamEntry.init) {
                    guard case .applied = follower.apply(entry) else { return false }
                }
                return follower.log?.allBytes == stream.bytes
            }
        }
    }
}
