import Agents
import Primitives
import Synchronization
import Testing

@testable import RoomService

/// Agents that have to wait for something that is no clock, as a model that answers over the network.
struct WaitingAgentTests {
    /// What is said from outside, and how the answer is told of it.
    private final class Mouth: Sendable {
        private struct State {
            var words: [String] = []
            var isClosed = false
            var wake: (@Sendable () -> Void)?
        }

        private let state = Mutex(State())

        func listen(_ wake: @escaping @Sendable () -> Void) { state.withLock { $0.wake = wake } }

        func say(_ word: String?, times: Int = 1) {
            let wake = state.withLock { state in
                if let word { state.words.append(word) } else { state.isClosed = true }
                return state.wake
            }
            for _ in 0..<times { wake?() }
        }

        func next() -> (word: String?, isClosed: Bool) {
            state.withLock { state in (state.words.isEmpty ? nil : state.words.removeFirst(), state.isClosed) }
        }
    }

    private struct PatientAgent: Agent {
        let name = "patient"
        let summary = "Says what it is told to say"
        let mouth: Mouth

        func answer(
            _ prompt: AgentPrompt,
            clock: any AgentClock,
            wake: @escaping @Sendable () -> Void
        ) -> any AgentAnswer {
            mouth.listen(wake)
            return Answer(mouth: mouth)
        }

        final class Answer: AgentAnswer {
            let mouth: Mouth
            let metadata: JSONObject = [:]

            init(mouth: Mouth) { self.mouth = mouth }

            func next(appendingTo piece: inout [UInt8]) throws -> AgentProgress {
                let (word, isClosed) = mouth.next()
                guard let word else { return isClosed ? .ended : .waiting(until: .max) }
                piece += Array(word.utf8)
                return .piece
            }
        }
    }

    @Test(arguments: [1, 2])
    func `each piece goes out when the agent says that it is there, from whatever thread`(loops: Int) async throws {
        let mouth = Mouth()
        try await withService(loops: loops, agent: PatientAgent(mouth: mouth)) { service in
            let (session, room) = try service.makeSession()
            let watching = try service.ask(session)
            #expect(try watching.dataEvent()?.status == "started")
            for word in ["Well", ", ", "then"] {
                mouth.say(word, times: 3)
                #expect(try watching.dataEvent()?.content == word)
            }
            mouth.say("!")
            mouth.say(nil)
            #expect(try watching.eventsToTheEnd().map(\.content) == ["!", "Well, then!"])
            #expect(try service.history(room).first?["agent_response"] == "Well, then!")
            // Told too often, and too late.
            mouth.say("more", times: 10)
            #expect(try service.history(room).count == 1)
        }
    }

    @Test(arguments: [1, 2])
    func `a stop ends an answer that waits, at once`(loops: Int) async throws {
        let mouth = Mouth()
        try await withService(loops: loops, agent: PatientAgent(mouth: mouth)) { service in
            for _ in 0..<20 {
                let (session, _) = try service.makeSession()
                let watching = try service.ask(session)
                #expect(try watching.dataEvent()?.status == "started")
                mouth.say("Hm")
                #expect(try watching.dataEvent()?.content == "Hm")
                #expect(try service.post("/api/session/\(session)/stop").data["partial_response"] == "Hm")
                #expect(try watching.eventsToTheEnd().last?.status == "cancelled")
            }
        }
    }
}
