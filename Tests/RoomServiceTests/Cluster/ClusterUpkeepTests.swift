import Primitives
import RedisTestSupport
import Storage
import Testing

@testable import RoomService
@testable import Streaming

/// What `ClusterWatch` puts right: ends that were lost, and places that are held of answers which have ended.
@Suite(.timeLimit(.minutes(1))) struct ClusterUpkeepTests {
    /// A stream of the first instance, and a copy of it that is read at the second one.
    private static func follow(_ bench: ClusterBench) async throws -> (stream: LiveStream, copy: StreamLog) {
        try await bench.makeSession("x")
        let (owner, other) = (bench.instances[0], bench.instances[1])
        let stream = try await owner.ask("x")
        owner.mouth.say("word ")
        try await bench.eventually { stream.log.answer == "word " }
        try await bench.waitUntilTold(stream)
        let copy = try #require(await other.cluster.remote.copy(of: stream.id)).log
        #expect(copy.answer == "word ")
        _ = copy.watchers(on: other.loop)
        return (stream, copy)
    }

    /// Stores an end of which nobody is told, as an instance does that dies behind it.
    private static func endUnheard(_ stream: LiveStream, _ bench: ClusterBench, saying more: String = "") async throws {
        // Behind its `started` event.
        let events = Int64(stream.log.eventCount - 1) + (more.isEmpty ? 0 : 1)
        let end = ConversationEnd(
            conversationID: stream.conversationID,
            streamID: stream.id,
            status: .completed,
            agentResponse: "word " + more,
            metadata: ["chunks": .integer(events)],
            at: bench.time.now
        )
        #expect(try await bench.store.end(end))
    }

    private static func pass(seconds: Int, _ bench: ClusterBench) async throws {
        for _ in 0..<(4 * seconds) { try await bench.advance(milliseconds: 250) }
    }

    private static let lost = "the end of another instance's answer was lost"

    // MARK: Ends

    @Test func `an answer that is silent for long goes on, and an end that was lost is told to its readers`()
        async throws
    {
        try await ClusterBench.run(["a", "b"]) { bench in
            let (stream, copy) = try await Self.follow(bench)
            let other = bench.instances[1]
            other.watch()
            try await Self.pass(seconds: 50, bench)
            #expect(!copy.hasEnded && !copy.isCut && other.lines(Self.lost).isEmpty)

            try await Self.endUnheard(stream, bench)
            try await bench.eventually { copy.hasEnded }
            #expect(!copy.isCut && other.lines(Self.lost).count == 1)
            #expect(String(decoding: copy.allBytes, as: UTF8.self).contains(#""status":"complete""#))
            // Others who follow it are told as well.
            #expect(try await bench.redis.copy(of: stream.id)?.log?.allBytes == copy.allBytes)
            try await Self.pass(seconds: 50, bench)
            #expect(other.lines(Self.lost).count == 1)
        }
    }

    @Test func `who has shown more than was told before its end was lost has its readers come again`() async throws {
        try await ClusterBench.run(["a", "b"]) { bench in
            let (stream, copy) = try await Self.follow(bench)
            let other = bench.instances[1]
            try await Self.endUnheard(stream, bench, saying: "more")
            other.watch()
            try await bench.eventually { copy.isCut }
            #expect(!copy.hasEnded && copy.answer == "word ")
            #expect(other.lines(Self.lost).count == 1)
            let again = try #require(await other.cluster.remote.copy(of: stream.id)).log
            #expect(again.hasEnded && again.answer == "word more")
        }
    }

    @Test(arguments: [true, false])
    func `readers of what Redis has forgotten, or what was deleted, come again`(isDeleted: Bool) async throws {
        try await ClusterBench.run(["a", "b"]) { bench in
            let (stream, copy) = try await Self.follow(bench)
            let other = bench.instances[1]
            if isDeleted {
                _ = try await bench.store.deleteRoom(id: "room_x", userID: "ann", at: bench.time.now)
            } else {
                try await Self.endUnheard(stream, bench)
                try await bench.redis.ask(["DEL", .text("stream:\(stream.id)")])
            }
            other.watch()
            try await bench.eventually { copy.isCut }
            #expect(!copy.hasEnded && other.cluster.copyCount == 0)
            #expect(other.lines(Self.lost).count == 1)
        }
    }

    // MARK: Places

    /// The sessions and streams of which places are held.
    private static func places(_ bench: ClusterBench) async throws -> [String] {
        let streams = try await bench.redis.ask(["HKEYS", "user:ann"]).array?.compactMap(\.text) ?? []
        let members = try await bench.redis.keys("members:*")
        var claimed: [String] = []
        for key in members {
            claimed += try await bench.redis.ask(["HKEYS", .text(key)]).array?.compactMap(\.text) ?? []
        }
        return try await bench.redis.keys("session:*") + Set(claimed + streams).sorted()
    }

    @Test func `the place of an answer that has ended while Redis was away is given free when it is back`() async throws
    {
        try await ClusterBench.run(["a"]) { bench in
            let owner = bench.instances[0]
            owner.watch()
            try await Self.pass(seconds: 1, bench)
            try await bench.makeSession("x")
            let stream = try await owner.ask("x")
            try await bench.waitUntilTold(stream)
            try await bench.cut(owner)
            owner.mouth.close()
            try await wait { stream.log.hasEnded }
            #expect(try await Self.places(bench) == ["session:x", stream.id])
            try await bench.eventually { await owner.isConnected }
            try await bench.eventually { try await Self.places(bench) == [] }
            try await bench.waitUntilTold(stream)
        }
    }

    @Test func `a place that is held for no reason is given free within half a minute, and no other`() async throws {
        try await ClusterBench.run(["a"]) { bench in
            let owner = bench.instances[0]
            owner.watch()
            try await Self.pass(seconds: 3, bench)
            try await bench.makeSession("x")
            let stream = try await owner.ask("x")
            // As after a word that Redis has not got, of an answer that has ended.
            let token = String(owner.membership.token ?? 0)
            try await bench.redis.ask(["HSET", "session:y", "stream", "s1", "instance", "a", "token", .text(token)])
            try await bench.redis.ask(["HSET", "user:ann", "s1", .text(owner.name)])
            try await bench.redis.ask(["HSET", .text("members:\(owner.name)"), "s1", "y ann"])
            try await Self.pass(seconds: 20, bench)
            #expect(try await Self.places(bench) == ["session:x", "session:y"] + ["s1", stream.id].sorted())
            try await bench.eventually { try await Self.places(bench) == ["session:x", stream.id] }
        }
    }

    @Test func `answers that end while all are told again leave no places behind`() async throws {
        try await ClusterBench.run(["a"]) { bench in
            let owner = bench.instances[0]
            var streams: [LiveStream] = []
            for number in 0..<10 {
                try await bench.makeSession("x\(number)")
                streams.append(try await owner.ask("x\(number)"))
            }
            for stream in streams { try await bench.waitUntilTold(stream) }
            // The first place is asked for, and the answer to that is late.
            try await bench.redis.ask(["CLIENT", "PAUSE", 600_000, "WRITE"])
            let watch = owner.clusterWatch
            let telling = Task(executorPreference: owner.loop) { try await watch.announceAll(on: owner.loop) }
            let ended = Task {
                try await wait {
                    try await bench.connections(of: owner).contains { $0["flags"]?.contains("b") == true }
                }
                owner.mouth.close()
                try await wait { owner.tracker.runningCount == 0 }
            }
            // Whatever comes of it: else nothing could be closed.
            _ = await ended.result
            try await bench.redis.ask(["CLIENT", "UNPAUSE"])
            try await telling.value
            try await ended.value
            try await bench.redis.settle()
            try await bench.advance(milliseconds: 20)
            #expect(try await Self.places(bench) == [])
        }
    }
}
