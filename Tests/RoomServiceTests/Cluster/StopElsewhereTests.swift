import Primitives
import RedisTestSupport
import Storage
import Streaming
import Testing

@testable import RoomService

/// Stops that come to an instance which does not make the answer.
@Suite(.timeLimit(.minutes(1))) struct StopElsewhereTests {
    /// A stream of the first instance, with some text that others have.
    private static func begin(_ bench: ClusterBench) async throws -> LiveStream {
        try await bench.makeSession("x")
        let stream = try await bench.instances[0].ask("x")
        bench.instances[0].mouth.say("word ")
        try await bench.eventually { stream.log.answer == "word " }
        try await bench.waitUntilTold(stream)
        return stream
    }

    @Test func `a stop is delivered and acknowledged, and every copy ends with what it had shown`() async throws {
        try await ClusterBench.run(["a", "b", "c"]) { bench in
            let stream = try await Self.begin(bench)
            let copies = [
                try #require(await bench.instances[1].cluster.remote.copy(of: stream.id)).log,
                try #require(await bench.instances[2].cluster.remote.copy(of: stream.id)).log,
            ]
            // The clock stands still.
            let stopped = try #require(try await bench.instances[1].stop("x"))
            #expect(stopped.isDelivered && stopped.streamID == stream.id && stopped.partialResponse == "word ")
            #expect(stream.isCancelled && bench.instances[0].tracker.runningCount == 0)
            #expect(try await bench.store.conversation(streamID: stream.id)?.status == .cancelled)
            bench.instances[0].mouth.say("more ")
            try await bench.eventually { copies.allSatisfy(\.hasEnded) }
            for copy in copies { #expect(copy.allBytes == stream.log.allBytes && copy.answer == "word ") }
            #expect(try await !bench.redis.exists("session:x"))
        }
    }

    @Test func `a stop that means another stream stops nothing`() async throws {
        try await ClusterBench.run(["a", "b"]) { bench in
            let stream = try await Self.begin(bench)
            let other = bench.instances[1]
            #expect(try await other.stop("x", streamID: "stream_before") == nil)
            // Nor does one that its owner is asked for.
            let running = Cluster.Running(streamID: "stream_before", instanceID: "a", question: "")
            guard case .stopped(answer: nil) = await other.cluster.stop(running) else {
                Issue.record("there is nothing to stop")
                return
            }
            #expect(!stream.isCancelled && !stream.log.hasEnded)
            #expect(try await other.stop("x", streamID: stream.id)?.isDelivered == true)
            #expect(stream.isCancelled)
        }
    }

    @Test func `somebody who listens to all channels by a pattern is not waited for`() async throws {
        try await ClusterBench.run(["a", "b"]) { bench in
            let stream = try await Self.begin(bench)
            let copy = try #require(await bench.instances[1].cluster.remote.copy(of: stream.id)).log
            let stranger = try TestSocket(port: bench.redis.server.port)
            try stranger.write("PSUBSCRIBE *\r\n")
            #expect(try !stranger.read().isEmpty)
            let (isStopped, owner) = (Flag(), bench.instances[0])
            let stopped = Task {
                defer { isStopped.raise() }
                return try await owner.stop("x")
            }
            // The clock stands still.
            try await wait { isStopped.isRaised }
            #expect(try await stopped.value?.isDelivered == true)
            try await bench.eventually { copy.hasEnded }
            #expect(copy.answer == "word ")
        }
    }

    @Test func `somebody else who listens to the stream itself is waited for as long as a follower that is silent`()
        async throws
    {
        try await ClusterBench.run(["a"]) { bench in
            let stream = try await Self.begin(bench)
            let stranger = try TestSocket(port: bench.redis.server.port)
            try stranger.write("SUBSCRIBE events:\(stream.id)\r\n")
            #expect(try !stranger.read().isEmpty)
            let (isStopped, owner, began) = (Flag(), bench.instances[0], bench.time.monotonicNanoseconds)
            let stopped = Task {
                defer { isStopped.raise() }
                return try await owner.stop("x")
            }
            try await wait { stream.isCancelled }
            try await bench.eventually { isStopped.isRaised || bench.time.monotonicNanoseconds > began + 1_000_000_000 }
            try await wait { isStopped.isRaised }
            #expect(try await stopped.value?.partialResponse == "word ")
        }
    }

    /// The store's word for how an answer ended whose instance does not say so.
    @Test(arguments: [(Conversation.Status.cancelled, true), (.completed, false)])
    func `an answer that was stopped without a word of it counts as stopped, and one that was complete does not`(
        status: Conversation.Status,
        isStopped: Bool
    ) async throws {
        try await ClusterBench.run(["a", "b"]) { bench in
            let stream = try await Self.begin(bench)
            let end = ConversationEnd(
                conversationID: stream.conversationID,
                streamID: stream.id,
                status: status,
                agentResponse: "word ",
                metadata: [:],
                at: bench.time.now
            )
            #expect(try await bench.store.end(end))
            // Its owner is asked where nobody listens.
            try await bench.redis.ask(["HSET", "session:x", "instance", "mute"])
            let stopped = try await bench.instances[1].stop("x")
            #expect((stopped != nil) == isStopped)
            if let stopped {
                #expect(stopped.isDelivered && stopped.streamID == stream.id && stopped.partialResponse == "word ")
            }
        }
    }

    @Test func `where nobody is there any more it says so at once, and where nobody answers after a second`()
        async throws
    {
        try await ClusterBench.run(["a", "b"]) { bench in
            let other = bench.instances[1]
            let gone = Cluster.Running(streamID: "stream_1", instanceID: "gone", question: "")
            guard case .unanswered = await other.cluster.stop(gone) else {
                Issue.record("nobody is there")
                return
            }
            // One that listens, and does nothing.
            _ = try await bench.redis.listen(to: InstanceMessages.channel(of: "mute"))
            let mute = Cluster.Running(streamID: "stream_1", instanceID: "mute", question: "")
            let began = bench.time.monotonicNanoseconds
            let asked = Task { await other.cluster.stop(mute) }
            let ended = Task {
                _ = await asked.value
                return bench.time.monotonicNanoseconds
            }
            try await bench.eventually { bench.time.monotonicNanoseconds >= began + 2_000_000_000 }
            guard case .unanswered = await asked.value else {
                Issue.record("nobody has answered")
                return
            }
            #expect(await ended.value >= began + 1_000_000_000)
        }
    }
}
