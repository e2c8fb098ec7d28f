import Primitives
import RedisTestSupport
import Storage
import Streaming
import Synchronization
import Testing

@testable import RoomService

/// The same question, by its message id, at several instances: one answer, for all who ask.
@Suite(.timeLimit(.minutes(1))) struct SameQuestionTests {
    /// Questions that are being asked, and whether all have been answered.
    private struct Asked: Sendable {
        let answers: [Task<ChatService.Answer, any Error>]
        private let left: Countdown

        private final class Countdown: Sendable {
            let count: Atomic<Int>
            init(_ count: Int) { self.count = Atomic(count) }
        }

        /// Asks at each of the instances, at once.
        init(_ session: String, at instances: [TestInstance]) {
            let left = Countdown(instances.count)
            self.left = left
            answers = instances.map { instance in
                Task {
                    defer { left.count.wrappingSubtract(1, ordering: .sequentiallyConsistent) }
                    return try await instance.answer(session, messageID: "message_1")
                }
            }
        }

        var areAnswered: Bool { left.count.load(ordering: .sequentiallyConsistent) == 0 }
    }

    /// The stream that has a session's place, when others can read it.
    private static func told(_ session: String, _ bench: ClusterBench) async throws -> String {
        var id: String?
        try await wait {
            id = try await bench.redis.ask(["HGET", .text("session:\(session)"), "stream"]).text
            guard let id else { return false }
            return try await bench.redis.copy(of: id)?.log != nil
        }
        return try #require(id)
    }

    @Test func `whoever asks elsewhere before the answer is told of waits for it, and so do all who join there`()
        async throws
    {
        try await ClusterBench.run(["a", "b"]) { bench in
            let (owner, other) = (bench.instances[0], bench.instances[1])
            try await bench.makeSession("x")
            owner.ends.holdBeginnings()
            defer { owner.ends.releaseBeginnings() }
            let first = Asked("x", at: [owner])
            try await wait { try await bench.redis.exists("session:x") }
            let others = Asked("x", at: [other, other, other])
            // All have found out that nothing is stored, and one of them has a stream that the others join.
            try await wait { other.ends.messageLookups.load(ordering: .relaxed) == 3 }
            for _ in 0..<5 { try await bench.advance(milliseconds: 50) }
            #expect(!others.areAnswered && !first.areAnswered)

            owner.ends.releaseBeginnings()
            let id = try await Self.told("x", bench)
            try await bench.eventually { first.areAnswered && others.areAnswered }
            guard case .stream(let stream) = try await first.answers[0].value else {
                Issue.record("it is the first one's stream")
                return
            }
            #expect(stream.id == id)
            owner.mouth.say("word ")
            owner.mouth.close()
            for answer in others.answers {
                guard case .copy(let copy) = try await answer.value else {
                    Issue.record("it is the other instance's stream")
                    continue
                }
                try await bench.eventually { copy.log.hasEnded }
                #expect(copy.log.allBytes == stream.log.allBytes && copy.log.answer == "word ")
            }
            #expect(owner.mouth.prompts.count == 1 && other.mouth.prompts.isEmpty)
            #expect(other.tracker.runningCount == 0)
        }
    }

    @Test func `whoever asks elsewhere when the answer is stored, but not told of yet, waits for it`() async throws {
        try await ClusterBench.run(["a", "b"]) { bench in
            let (owner, other) = (bench.instances[0], bench.instances[1])
            try await bench.makeSession("x")
            guard case .stream(let stream) = try await owner.answer("x", messageID: "message_1") else {
                Issue.record("it is the first one's stream")
                return
            }
            // As if its instance had not come to telling of it.
            try await bench.waitUntilTold(stream)
            let entries = try await bench.redis.ask(["DUMP", .text("stream:\(stream.id)")]).bytes ?? []
            try await bench.redis.ask(["DEL", .text("stream:\(stream.id)")])
            let asked = Asked("x", at: [other])
            try await wait { other.ends.messageLookups.load(ordering: .relaxed) == 1 }
            for _ in 0..<5 { try await bench.advance(milliseconds: 50) }
            #expect(!asked.areAnswered)
            try await bench.redis.ask(["RESTORE", .text("stream:\(stream.id)"), 0, .bytes(entries)])
            try await bench.eventually { asked.areAnswered }
            guard case .copy(let copy) = try await asked.answers[0].value else {
                Issue.record("it is the other instance's stream")
                return
            }
            #expect(copy.origin.streamID == stream.id)
        }
    }

    @Test func `of those who ask at two instances at once, all get the same answer`() async throws {
        try await ClusterBench.run(["a", "b"]) { bench in
            for round in 0..<20 {
                let session = "x\(round)"
                try await bench.makeSession(session)
                let places = [0, 1, 1, 0].map { bench.instances[($0 + round) % 2] }
                let asked = Asked(session, at: places)
                // As long as the clock stands still nobody gives up.
                let id = try await Self.told(session, bench)
                try await bench.eventually { asked.areAnswered }
                var owners: Set<String> = []
                for (instance, answer) in zip(places, asked.answers) {
                    switch try await answer.value {
                    case .stream(let stream):
                        #expect(stream.id == id)
                        owners.insert(instance.id)
                    case .copy(let copy): #expect(copy.origin.streamID == id)
                    case .stored: Issue.record("it has not ended")
                    }
                }
                #expect(owners.count == 1)
                #expect(bench.instances.map(\.mouth.prompts.count).reduce(0, +) == round + 1)
            }
        }
    }
}
