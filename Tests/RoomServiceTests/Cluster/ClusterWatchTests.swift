import Primitives
import RedisTestSupport
import Storage
import Streaming
import Testing

@testable import RoomService

/// What becomes of the streams of an instance that is gone, and of one that was only taken for gone.
@Suite(.timeLimit(.minutes(1))) struct ClusterWatchTests {
    /// Has an instance answer in so many sessions, and say something in them.
    private static func begin(_ count: Int, at owner: TestInstance, _ bench: ClusterBench) async throws -> [LiveStream]
    {
        var streams: [LiveStream] = []
        for number in 0..<count {
            try await bench.makeSession("x\(number)")
            streams.append(try await owner.ask("x\(number)"))
        }
        for _ in 0..<(3 * count) { owner.mouth.say("word ") }
        try await bench.eventually { streams.map(\.log.answerByteCount).reduce(0, +) == 15 * count }
        for stream in streams { try await bench.waitUntilTold(stream) }
        return streams
    }

    /// Has others watch for so long that they believe what they see.
    private static func settle(_ watchers: [TestInstance], _ bench: ClusterBench) async throws {
        for watcher in watchers { watcher.watch() }
        for _ in 0..<40 { try await bench.advance(milliseconds: 250) }
    }

    private static func expectEnded(_ streams: [LiveStream], _ bench: ClusterBench) async throws {
        for stream in streams {
            let conversation = try #require(try await bench.store.conversation(streamID: stream.id))
            #expect(conversation.status == .interrupted && conversation.agentResponse == stream.log.answer)
            let entries = try await bench.redis.entries(of: stream.id)
            #expect(entries.reduce(0) { $0 + $1.terminalCount } == 1)
            let copy = try #require(try await bench.redis.copy(of: stream.id)?.log)
            #expect(copy.hasEnded && copy.answer == stream.log.answer)
            #expect(try await !bench.redis.exists("session:\(stream.sessionID)"))
        }
        #expect(try await bench.store.activeStreams().isEmpty)
        #expect(try await bench.redis.keys("user:*") == [])
    }

    @Test func `the dead one's streams are ended once when two watchers race`() async throws {
        try await ClusterBench.run(["dead", "b", "c"]) { bench in
            let (dead, watchers) = (bench.instances[0], Array(bench.instances[1...]))
            let name = dead.name
            let streams = try await Self.begin(10, at: dead, bench)
            // Somebody reads one of them at a watcher's.
            let read = try #require(await watchers[0].cluster.remote.copy(of: streams[0].id)).log
            try await Self.settle(watchers, bench)
            #expect(watchers.flatMap { $0.lines("an instance is gone") }.isEmpty)

            try await bench.redis.endLease(ofMember: name)
            try await bench.eventually { try await bench.redis.ask(["ZSCORE", "instances", .text(name)]).isNull }
            for _ in 0..<20 { try await bench.advance(milliseconds: 250) }
            #expect(watchers.flatMap { $0.lines("an instance is gone") }.count == 1)
            #expect(watchers.map(\.ends.attempts).reduce(0, +) == streams.count)
            try await Self.expectEnded(streams, bench)
            #expect(try await !bench.redis.exists("members:\(name)"))
            #expect(read.hasEnded && read.answer == streams[0].log.answer)
            // The sessions' places are free.
            _ = try await watchers[0].ask("x1")
        }
    }

    @Test func `a watcher that cannot use its store leaves the dead one to another`() async throws {
        try await ClusterBench.run(["dead", "b", "c"]) { bench in
            let (dead, blocked, other) = (bench.instances[0], bench.instances[1], bench.instances[2])
            let name = dead.name
            let streams = try await Self.begin(3, at: dead, bench)
            try await Self.settle([blocked], bench)
            blocked.ends.begin(1000)
            try await bench.redis.endLease(ofMember: name)
            try await bench.eventually { !blocked.lines("the store cannot be used").isEmpty }
            await blocked.endWatch()
            #expect(try await bench.store.activeStreams().count == 3)
            #expect(try await bench.redis.exists("members:\(name)"))

            try await Self.settle([other], bench)
            #expect(other.lines("an instance is gone").isEmpty)
            // The time is over that the first one had for it.
            try await bench.redis.endLease(ofMember: name)
            try await bench.eventually { try await bench.redis.ask(["ZSCORE", "instances", .text(name)]).isNull }
            try await bench.advance(milliseconds: 250)
            try await Self.expectEnded(streams, bench)
        }
    }

    @Test func `who has just joined takes nobody for dead`() async throws {
        try await ClusterBench.run(["dead", "b"]) { bench in
            let (dead, watcher) = (bench.instances[0], bench.instances[1])
            try await bench.redis.endLease(ofMember: dead.name)
            watcher.watch()
            for _ in 0..<23 { try await bench.advance(milliseconds: 250) }
            #expect(watcher.lines("an instance is gone").isEmpty)
            try await bench.eventually { !watcher.lines("an instance is gone").isEmpty }
        }
    }

    @Test func `who was taken for dead gives all up, joins anew, and tells nothing more of it`() async throws {
        try await ClusterBench.run(["late", "b"]) { bench in
            let (late, other) = (bench.instances[0], bench.instances[1])
            let (name, token) = (late.name, try #require(late.membership.token))
            let streams = try await Self.begin(3, at: late, bench)
            try await Self.settle([other], bench)
            try await bench.redis.endLease(ofMember: name)
            try await bench.eventually { try await bench.redis.ask(["ZSCORE", "instances", .text(name)]).isNull }
            try await bench.eventually { try await bench.store.activeStreams().isEmpty }
            try await bench.eventually { try await bench.redis.copy(of: streams[2].id)?.log?.hasEnded == true }
            var entries: [[StreamEntry]] = []
            for stream in streams { entries.append(try await bench.redis.entries(of: stream.id)) }

            late.watch()
            try await bench.eventually { late.tracker.runningCount == 0 && late.membership.token ?? 0 > token }
            #expect(late.lines("taken for dead").count == 1)
            for _ in 0..<10 { try await bench.advance(milliseconds: 250) }
            for (stream, before) in zip(streams, entries) {
                #expect(try await bench.redis.entries(of: stream.id) == before)
                let conversation = try #require(try await bench.store.conversation(streamID: stream.id))
                #expect(conversation.status == .interrupted)
            }
            // Also not when Redis holds them no longer.
            for stream in streams { try await bench.redis.ask(["DEL", .text("stream:\(stream.id)")]) }
            try await bench.redis.ask(["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])
            for _ in 0..<20 { try? await bench.advance(milliseconds: 250) }
            #expect(try await bench.redis.keys("stream:*") == [])
            // What it begins now is everybody's to read.
            try await bench.eventually { late.membership.token != nil && !late.membership.isAlone }
            try await bench.waitUntilTold(try await late.ask("x0", "And now?"))
        }
    }

    @Test func `after a FLUSHALL running streams are told and claimed again`() async throws {
        try await ClusterBench.run(["a", "b"]) { bench in
            let (owner, other) = (bench.instances[0], bench.instances[1])
            let streams = try await Self.begin(3, at: owner, bench)
            try await Self.settle(bench.instances, bench)
            try await bench.redis.ask(["FLUSHALL"])
            for stream in streams { try await bench.waitUntilTold(stream) }
            for stream in streams {
                try await bench.eventually {
                    try await bench.redis.ask(["HGET", .text("session:\(stream.sessionID)"), "stream"]).text
                        == stream.id
                }
            }
            // Until it is a member again, too, it decides alone.
            try await bench.eventually {
                let token = try await bench.redis.ask(["GET", .text("instance:\(other.membership.id)")]).text
                return token != nil && token == other.membership.token.map(String.init)
            }
            // A place that is taken is asked for twice, a moment apart.
            let isAnswered = Flag()
            let refused = Task {
                defer { isAnswered.raise() }
                return try await other.ask("x0", "Another question?")
            }
            try await bench.eventually { isAnswered.isRaised }
            await #expect(throws: APIError.self) { try await refused.value }
            #expect(owner.tracker.runningCount == 3 && owner.lines("taken for dead").isEmpty)
        }
    }
}
