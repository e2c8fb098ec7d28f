import Primitives
import Redis
import RedisTestSupport
import Streaming
import TestSupport
import Testing

@testable import RoomService

/// When a stream's events are told to others, and how.
@Suite(.timeLimit(.minutes(1))) struct StreamFeedTests {
    @Test func `the first event is told at once, with whose stream it is`() async throws {
        try await FeedBench.run { bench in
            let stream = await bench.begin("s1")
            // The clock stands still.
            try await wait { try await bench.redis.entries(of: "s1").count == 2 }
            let entries = try await bench.redis.entries(of: "s1")
            #expect(
                entries == [
                    .whole(StreamOrigin(stream.live), sequence: 0, answer: []),
                    .events(.init(first: 0, next: 1, bytes: stream.bytes)),
                ]
            )
            #expect(try await bench.redis.timeToLive("stream:s1") > 86_000_000)
        }
    }

    @Test func `those who follow the session are told when Redis has the stream`() async throws {
        try await FeedBench.run { bench in
            let heard = try await bench.redis.listen(to: "began:session_s1")
            _ = await bench.begin("s1")
            try await wait { await heard.all == ["s1"] }
            #expect(try await bench.redis.exists("stream:s1"))
        }
    }

    @Test func `what comes within ten milliseconds is told together`() async throws {
        try await FeedBench.run { bench in
            let stream = await bench.begin("s1")
            try await bench.waitUntilTold(stream)
            let count = bench.commandCount
            await bench.onLoop { for number in 0..<10 { stream.append("\(number) ") } }
            try await bench.redis.advance(milliseconds: 9)
            #expect(bench.commandCount == count)
            await bench.onLoop { stream.append("last") }
            try await bench.redis.advance(milliseconds: 1)
            #expect(bench.commandCount == count + 1)
            let entries = try await bench.redis.entries(of: "s1")
            #expect(entries.map(\.eventCount) == [0, 1, 11])
        }
    }

    @Test func `what is urgent, and a batch that is full, does not wait`() async throws {
        try await FeedBench.run { bench in
            let stream = await bench.begin("s1")
            try await bench.waitUntilTold(stream)
            await bench.onLoop { stream.append("token", isUrgent: true) }
            try await wait { try await bench.redis.entries(of: "s1").count == 3 }
            await bench.onLoop { for number in 0..<63 { stream.append("\(number) ") } }
            try await bench.redis.settle()
            #expect(try await bench.redis.entries(of: "s1").count == 3)
            await bench.onLoop { stream.append("the 64th") }
            try await wait { try await bench.redis.entries(of: "s1").last?.eventCount == 64 }
        }
    }

    @Test func `many streams are told with one command`() async throws {
        try await FeedBench.run { bench in
            var streams: [FedTestStream] = []
            for number in 0..<50 { streams.append(await bench.begin("s\(number)")) }
            for stream in streams { try await bench.waitUntilTold(stream) }
            let (commands, entries) = (bench.commandCount, bench.metrics.entries.load(ordering: .relaxed))
            await bench.onLoop { [streams] in for stream in streams { stream.append("word") } }
            try await bench.redis.advance(milliseconds: 10)
            #expect(bench.commandCount == commands + 1)
            #expect(bench.metrics.entries.load(ordering: .relaxed) == entries + 50)
            for stream in streams { #expect(try await bench.redis.copy(of: stream.id)?.log?.answer == "word") }
        }
    }

    @Test func `an ended stream is kept for its retention`() async throws {
        try await FeedBench.run(retention: 5000) { bench in
            let stream = await bench.begin("s1")
            await bench.onLoop { stream.append("word") }
            try await bench.waitUntilTold(stream)
            #expect(try await bench.redis.timeToLive("stream:s1") > 86_000_000)
            // The clock stands still: an end does not wait.
            await bench.onLoop { stream.end() }
            try await wait { try await bench.redis.copy(of: "s1")?.log?.hasEnded == true }
            #expect((1...5000).contains(try await bench.redis.timeToLive("stream:s1")))
        }
    }

    @Test func `what Redis holds of a long stream is bounded, and adds up to all of it`() async throws {
        let keptBytes = 4000
        try await FeedBench.run(keptBytes: keptBytes) { bench in
            let stream = await bench.begin("s1")
            var beginnings = Set<Int>()
            for number in 0..<100 {
                await bench.onLoop { for _ in 0..<5 { stream.append("\(number % 10)") } }
                try await bench.redis.advance(milliseconds: 10)
                let entries = try await bench.redis.entries(of: "s1")
                let size = entries.reduce(0) { $0 + $1.encoded.count }
                // The last batch, and the text.
                #expect(size < keptBytes + 2000 + stream.log.answerByteCount)
                #expect(entries.filter(\.isBeginning).count == 1)
                if case .whole(_, let sequence, _) = entries.first { beginnings.insert(sequence) }
                let copy = try await bench.redis.copy(of: "s1")
                #expect(copy?.log?.answer == stream.log.answer)
                #expect(copy?.next == stream.log.eventCount)
            }
            #expect(beginnings.count > 10)
            await bench.onLoop { stream.end() }
            try await bench.waitUntilTold(stream)
            #expect(try await bench.redis.copy(of: "s1")?.log?.hasEnded == true)
            #expect((1...5000).contains(try await bench.redis.timeToLive("stream:s1")))
        }
    }

    @Test(arguments: [0, 500, 5000])
    func `an end that is longer than what is kept is told once`(textSize: Int) async throws {
        try await FeedBench.run(keptBytes: 100) { bench in
            let stream = await bench.begin("s1")
            await bench.onLoop {
                stream.append(String(repeating: "\n", count: textSize))
                stream.end()
            }
            try await wait { try await bench.redis.copy(of: "s1")?.log?.hasEnded == true }
            try await bench.redis.settle()
            let entries = try await bench.redis.entries(of: "s1")
            #expect(entries.reduce(0) { $0 + $1.terminalCount } == 1)
            #expect(try await bench.redis.copy(of: "s1")?.log?.answer == stream.log.answer)
            #expect(try await bench.redis.copy(of: "s1")?.next == stream.log.eventCount)
            #expect((1...5000).contains(try await bench.redis.timeToLive("stream:s1")))
            let count = bench.commandCount
            try await bench.redis.advance(milliseconds: 1000)
            #expect(bench.commandCount == count)
        }
    }

    @Test func `a stream of which much waits is told in several commands, in order`() async throws {
        try await FeedBench.run(keptBytes: 8 << 20) { bench in
            let stream = await bench.begin("s1")
            try await bench.waitUntilTold(stream)
            let count = bench.commandCount
            let piece = String(repeating: "0123456789", count: 2000)
            await bench.onLoop {
                for _ in 0..<100 { stream.append(piece) }
                stream.end()
            }
            try await bench.waitUntilTold(stream)
            #expect(bench.commandCount > count + 1)
            #expect(try await bench.redis.copy(of: "s1")?.log?.allBytes == stream.bytes)
        }
    }

    @Test func `events that the log no longer holds are told as text`() async throws {
        try await FeedBench.run { bench in
            let stream = await bench.begin("s1", retainedLimit: 2000)
            await bench.onLoop {
                for number in 0..<200 { stream.append("\(number) ") }
                stream.end()
            }
            try await bench.waitUntilTold(stream)
            let copy = try #require(try await bench.redis.copy(of: "s1"))
            #expect(copy.log?.answer == stream.log.answer && copy.log?.hasEnded == true)
            #expect(copy.next == stream.log.eventCount)
        }
    }
}

extension RedisPeers {
    /// Hears what is published on a channel, from now on, by the second client's subscriber.
    func listen(to channel: String) async throws -> HeardWords {
        let heard = HeardWords(loop: subscribers[1].loop)
        try await Task(executorPreference: heard.loop) {
            let subscription = subscribers[1].subscribe(channel) { event in
                if case .message(let bytes) = event { heard.words.append(bytes) }
            }
            try await subscribers[1].confirmation(of: subscription)
        }.value
        return heard
    }
}
