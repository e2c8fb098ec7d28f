import Primitives
import RedisTestSupport
import Storage
import Testing

@testable import RoomService
@testable import Streaming

/// Clients of one instance follow sessions in which others answer.
@Suite(.timeLimit(.minutes(1))) struct FollowedSessionsTests {
    /// A client of the second instance that follows the session `x`.
    private static func follow(_ instance: TestInstance, _ bench: ClusterBench) async -> SessionFollower {
        await instance.cluster.followed.follow("x")
        let session = FollowedSession(sessionID: "x", roomID: "room_x", expiresAt: bench.time.now + .seconds(3600))
        let follower = SessionFollower(loop: instance.loop, session: session)
        instance.tracker.follow(follower)
        return follower
    }

    /// The next log that a follower is told of.
    private static func next(_ follower: SessionFollower, _ bench: ClusterBench) async throws -> StreamLog {
        var next: StreamLog?
        try await bench.eventually {
            if case .log(let log) = follower.next() { next = log }
            return next != nil
        }
        return try #require(next)
    }

    private static func expectNothing(_ follower: SessionFollower, _ bench: ClusterBench) async throws {
        for _ in 0..<5 { try await bench.advance(milliseconds: 100) }
        guard case .waiting = follower.next() else {
            Issue.record("there is another one")
            return
        }
    }

    @Test func `a stream that another instance begins is heard of, once, and read to its end`() async throws {
        try await ClusterBench.run(["a", "b"]) { bench in
            try await bench.makeSession("x")
            let (owner, other) = (bench.instances[0], bench.instances[1])
            let follower = await Self.follow(other, bench)
            try await Self.expectNothing(follower, bench)
            let stream = try await owner.ask("x")
            let copy = try await Self.next(follower, bench)
            #expect(copy.streamID == stream.id)
            owner.mouth.say("word ")
            owner.mouth.close()
            try await bench.eventually { copy.hasEnded }
            #expect(copy.allBytes == stream.log.allBytes)
            try await Self.expectNothing(follower, bench)
            // And the next one.
            let second = try await owner.ask("x", "And then?")
            let copyOfSecond = try await Self.next(follower, bench)
            #expect(copyOfSecond.streamID == second.id)
        }
    }

    @Test func `a stream that runs already is found`() async throws {
        try await ClusterBench.run(["a", "b"]) { bench in
            try await bench.makeSession("x")
            let stream = try await bench.instances[0].ask("x")
            bench.instances[0].mouth.say("word ")
            try await bench.eventually { stream.log.answer == "word " }
            try await bench.waitUntilTold(stream)
            let follower = await Self.follow(bench.instances[1], bench)
            guard case .log(let copy) = follower.next() else {
                Issue.record("it is not known")
                return
            }
            #expect(copy.streamID == stream.id && copy.answer == "word ")
            try await Self.expectNothing(follower, bench)
        }
    }

    @Test func `a stream of its own is not heard of twice`() async throws {
        try await ClusterBench.run(["a", "b"]) { bench in
            try await bench.makeSession("x")
            let owner = bench.instances[0]
            let follower = await Self.follow(owner, bench)
            let stream = try await owner.ask("x")
            let log = try await Self.next(follower, bench)
            #expect(log === stream.log)
            try await bench.waitUntilTold(stream)
            try await Self.expectNothing(follower, bench)
            #expect(owner.cluster.copyCount == 0)
        }
    }

    @Test func `what has begun while the subscription was lost is found when it is back`() async throws {
        try await ClusterBench.run(["a", "b"]) { bench in
            try await bench.makeSession("x")
            let (owner, other) = (bench.instances[0], bench.instances[1])
            let follower = await Self.follow(other, bench)
            try await bench.redis.ask(["CLIENT", "KILL", "TYPE", "pubsub"])
            // As the clock stands still, nobody connects again.
            try await wait { try await other.subscriberCount(of: "began:x") == 0 }
            let stream = try await owner.ask("x")
            try await wait { try await bench.redis.copy(of: stream.id) != nil }
            let copy = try await Self.next(follower, bench)
            #expect(copy.streamID == stream.id)
            owner.mouth.say("word ")
            owner.mouth.close()
            try await bench.eventually { copy.hasEnded }
            #expect(copy.allBytes == stream.log.allBytes)
        }
    }

    @Test func `a session that nobody follows any more is let go of`() async throws {
        try await ClusterBench.run(["a", "b"]) { bench in
            try await bench.makeSession("x")
            let other = bench.instances[1]
            let follower = await Self.follow(other, bench)
            let cleaning = Task(executorPreference: other.loop) { await other.cluster.followed.run() }
            for _ in 0..<3 { try await bench.advance(milliseconds: 10_000) }
            #expect(try await other.subscriberCount(of: "began:x") == 1)
            other.tracker.unfollow(follower)
            try await bench.eventually { try await other.subscriberCount(of: "began:x") == 0 }
            // And taken up again.
            let stream = try await bench.instances[0].ask("x")
            let again = await Self.follow(other, bench)
            let copy = try await Self.next(again, bench)
            #expect(copy.streamID == stream.id)
            cleaning.cancel()
            await cleaning.value
        }
    }
}
