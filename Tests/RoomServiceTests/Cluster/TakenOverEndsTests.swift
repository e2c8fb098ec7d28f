import Primitives
import RedisTestSupport
import Storage
import Streaming
import Testing

@testable import RoomService

/// The ends of answers whose instance is gone, and clients whom it has shown more than it has told others.
@Suite(.timeLimit(.minutes(1))) struct TakenOverEndsTests {
    /// Has the first instance answer, and show two words that it cannot tell any more.
    private static func beginAndCut(_ bench: ClusterBench) async throws -> LiveStream {
        let owner = bench.instances[0]
        try await bench.makeSession("x")
        let stream = try await owner.ask("x")
        for _ in 0..<3 { owner.mouth.say("word ") }
        try await wait { stream.log.answerByteCount == 15 }
        try await bench.waitUntilTold(stream)
        try await bench.cut(owner)
        for _ in 0..<2 { owner.mouth.say("more ") }
        try await wait { stream.log.answerByteCount == 25 }
        return stream
    }

    @Test func `the end of a dead one's answer has the number of no event that anybody was shown`() async throws {
        try await ClusterBench.run(["late", "b"]) { bench in
            let (late, other) = (bench.instances[0], bench.instances[1])
            let name = late.name
            let stream = try await Self.beginAndCut(bench)
            let copy = try #require(await other.cluster.remote.copy(of: stream.id)).log
            #expect(copy.eventCount == stream.log.eventCount - 2)
            let shown = stream.log.eventCount - 1

            other.watch()
            for _ in 0..<40 { try await bench.advance(milliseconds: 250) }
            try await bench.redis.endLease(ofMember: name)
            try await bench.eventually { copy.hasEnded }
            #expect(copy.terminalSequence == StreamEventID.unknownEnd)
            // Whoever was shown the two words goes on with the end, here and by what is stored.
            #expect(try await other.resume(stream.id, after: shown, session: "x").result == .continued)
            #expect(copy.place(before: shown + 1) == copy.place(before: copy.eventCount - 1))
            try await bench.redis.ask(["DEL", .text("stream:\(stream.id)")])
            await other.onLoop { other.cluster.remote.giveUp(stream.id) }
            #expect(try await other.resume(stream.id, after: shown, session: "x").result == .stored)
            let end = StreamEventID.unknownEnd
            #expect(try await other.resume(stream.id, after: end, session: "x").subscription == nil)

            // The same for those who are still there.
            late.watch()
            try await bench.eventually { stream.log.hasEnded }
            #expect(stream.log.terminalSequence == StreamEventID.unknownEnd)
            #expect(try await late.resume(stream.id, after: end, session: "x").subscription == nil)
            #expect(try await late.resume(stream.id, after: shown, session: "x").result == .continued)
        }
    }

    @Test func `a client that was shown more elsewhere waits until that is told`() async throws {
        try await ClusterBench.run(["a", "b"]) { bench in
            let (owner, other) = (bench.instances[0], bench.instances[1])
            let stream = try await Self.beginAndCut(bench)
            let shown = stream.log.eventCount - 1
            let isOver = Flag()
            let resuming = Task {
                defer { isOver.raise() }
                return try await other.resume(stream.id, after: shown, session: "x")
            }
            owner.watch()
            try await bench.eventually { isOver.isRaised }
            #expect(try await resuming.value.result == .continued)
        }
    }

    @Test func `a client that was shown more than comes is told to come again`() async throws {
        try await ClusterBench.run(["a", "b"]) { bench in
            let (owner, other) = (bench.instances[0], bench.instances[1])
            try await bench.makeSession("x")
            let stream = try await owner.ask("x")
            owner.mouth.say("word ")
            try await bench.waitUntilTold(stream)
            let resuming = Task { () -> APIError? in
                do {
                    _ = try await other.resume(stream.id, after: 1000, session: "x")
                    return nil
                } catch { return error as? APIError }
            }
            let copy = try #require(await other.cluster.remote.copy(of: stream.id)).log
            for _ in 0..<30 { try await bench.advance(milliseconds: 20) }
            let error = try #require(await resuming.value)
            #expect(error.status == .serviceUnavailable)

            _ = try await owner.stop("x")
            try await bench.eventually { copy.hasEnded }
            #expect(copy.terminalSequence == copy.eventCount - 1)
            let refusal = await #expect(throws: APIError.self) {
                try await other.resume(stream.id, after: 1000, session: "x")
            }
            #expect(refusal?.status == .notFound)
        }
    }

    @Test func `who has all of a stored answer but its end gets no more than that`() async throws {
        try await ClusterBench.run(["a"]) { bench in
            let owner = bench.instances[0]
            try await bench.makeSession("x")
            let stream = try await owner.ask("x")
            for _ in 0..<3 { owner.mouth.say("word ") }
            try await wait { stream.log.answerByteCount == 15 }
            _ = try await owner.stop("x")
            try await bench.eventually { stream.log.hasEnded }
            let conversation = try #require(try await bench.store.conversation(streamID: stream.id))
            let stored = StoredAnswer(conversation)
            #expect(stored.terminalSequence == stream.log.terminalSequence)
            var (place, bytes) = (CopyPlace(), [UInt8]())
            place.cursor = stored.end
            _ = stored.log.copyEvents(from: &place, to: &bytes, limit: .max)
            let event = try #require(ChunkedEvent(in: bytes, at: 0))
            #expect(event.isTerminal && event.end == bytes.count && event.terminalSequence == stored.terminalSequence)
        }
    }
}
