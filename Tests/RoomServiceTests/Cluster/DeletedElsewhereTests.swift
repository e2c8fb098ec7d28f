import Primitives
import RedisTestSupport
import Storage
import Streaming
import Testing

@testable import RoomService

/// What one instance deletes, no other one serves any more.
@Suite(.timeLimit(.minutes(1))) struct DeletedElsewhereTests {
    /// An answer of the first instance in each of the sessions, which has ended, and which it still holds.
    private static func answers(_ sessions: [String], _ bench: ClusterBench) async throws -> [LiveStream] {
        let owner = bench.instances[0]
        var streams: [LiveStream] = []
        for session in sessions {
            try await bench.makeSession(session)
            streams.append(try await owner.ask(session))
        }
        for _ in sessions { owner.mouth.say("word ") }
        owner.mouth.close()
        try await bench.eventually { streams.allSatisfy(\.log.hasEnded) }
        for stream in streams {
            try await bench.waitUntilTold(stream)
            #expect(try await owner.resume(stream.id, session: stream.sessionID).subscription != nil)
        }
        return streams
    }

    /// Deletes the history of a session, as the second instance does when it is asked to.
    private static func deleteHistory(of session: String, _ bench: ClusterBench) async throws {
        #expect(try await bench.store.deleteConversations(sessionID: session, roomID: "room_\(session)") == 1)
        bench.instances[1].chat.forgetEndedStreams(ofSession: session)
    }

    /// Deletes the room of a session likewise.
    private static func deleteRoom(of session: String, _ bench: ClusterBench) async throws {
        let other = bench.instances[1]
        _ = try await bench.store.deleteRoom(id: "room_\(session)", userID: "ann", at: bench.time.now)
        await Task(executorPreference: other.loop) {
            await other.chat.endStreams(ofRoom: "room_\(session)", on: other.loop)
        }.value
    }

    private static func expectGone(_ stream: LiveStream, at instance: TestInstance) async {
        let error = await #expect(throws: APIError.self) {
            try await instance.resume(stream.id, session: stream.sessionID)
        }
        #expect(error?.status == .notFound)
    }

    @Test func `the texts of a history that another instance has deleted are forgotten, and no others`() async throws {
        try await ClusterBench.run(["a", "b"]) { bench in
            let owner = bench.instances[0]
            let streams = try await Self.answers(["x", "y"], bench)
            try await Self.deleteHistory(of: "x", bench)
            try await bench.eventually { owner.tracker.stream(id: streams[0].id) == nil }
            await Self.expectGone(streams[0], at: owner)
            #expect(owner.tracker.stream(id: streams[1].id) === streams[1])
            #expect(try await owner.resume(streams[1].id, session: "y").subscription != nil)
        }
    }

    @Test func `the texts of a room that another instance has deleted are forgotten, and no others`() async throws {
        try await ClusterBench.run(["a", "b"]) { bench in
            let owner = bench.instances[0]
            let streams = try await Self.answers(["x", "y"], bench)
            try await Self.deleteRoom(of: "x", bench)
            try await bench.eventually { owner.tracker.stream(id: streams[0].id) == nil }
            await Self.expectGone(streams[0], at: owner)
            #expect(owner.tracker.stream(id: streams[1].id) === streams[1])
        }
    }

    @Test func `an answer that runs when another instance deletes its room is stopped, and its text is not held`()
        async throws
    {
        try await ClusterBench.run(["a", "b"]) { bench in
            let owner = bench.instances[0]
            try await bench.makeSession("x")
            let stream = try await owner.ask("x")
            owner.mouth.say("word ")
            try await bench.eventually { stream.log.answer == "word " }
            try await bench.waitUntilTold(stream)
            try await Self.deleteRoom(of: "x", bench)
            try await bench.eventually { stream.log.hasEnded && owner.tracker.stream(id: stream.id) == nil }
            #expect(stream.canceller == .roomDeleted)
            await Self.expectGone(stream, at: owner)
        }
    }

    @Test func `a copy of what another instance has deleted is not served`() async throws {
        try await ClusterBench.run(["a", "b", "c"]) { bench in
            let third = bench.instances[2]
            let streams = try await Self.answers(["x", "y"], bench)
            for stream in streams {
                #expect(await third.cluster.remote.copy(of: stream.id)?.log.answer == stream.log.answer)
                #expect(try await third.resume(stream.id, session: stream.sessionID).subscription != nil)
            }
            try await Self.deleteHistory(of: "x", bench)
            try await Self.deleteRoom(of: "y", bench)
            // Redis still holds them.
            for stream in streams {
                #expect(try await bench.redis.copy(of: stream.id) != nil)
                await Self.expectGone(stream, at: third)
            }
        }
    }
}
