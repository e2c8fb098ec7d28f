import Agents
import Primitives
import Synchronization

/// What an agent says, from outside, and how its answers are told of it.
final class Mouth: Sendable {
    private struct State {
        var words: [String] = []
        var end: Result<Void, AgentError>?
        var prompts: [AgentPrompt] = []
        var wakes: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())

    /// What was asked, oldest first.
    var prompts: [AgentPrompt] { state.withLock { $0.prompts } }

    func say(_ word: String, times: Int = 1) { change(times: times) { $0.words.append(word) } }

    /// Lets the answers end when all is said.
    func close() { change { $0.end = .success(()) } }

    /// Lets them fail then.
    func fail(_ error: AgentError) { change { $0.end = .failure(error) } }

    private func change(times: Int = 1, _ change: (inout State) -> Void) {
        let wakes = state.withLock { state in
            change(&state)
            return state.wakes
        }
        for _ in 0..<times { for wake in wakes { wake() } }
    }

    fileprivate func listen(_ prompt: AgentPrompt, _ wake: @escaping @Sendable () -> Void) {
        state.withLock { state in
            state.prompts.append(prompt)
            state.wakes.append(wake)
        }
    }

    fileprivate func next(appendingTo piece: inout [UInt8]) throws -> AgentProgress {
        try state.withLock { state in
            guard state.words.isEmpty else {
                piece += Array(state.words.removeFirst().utf8)
                return .piece
            }
            try state.end?.get()
            return state.end == nil ? .waiting(until: .max) : .ended
        }
    }
}

/// An agent that says what its mouth is told to say.
struct PatientAgent: Agent {
    let name = "patient"
    let summary = "Says what it is told to say"
    let mouth: Mouth
    var metadata: JSONObject = [:]

    func answer(
        _ prompt: AgentPrompt,
        clock: any AgentClock,
        wake: @escaping @Sendable () -> Void
    ) -> any AgentAnswer {
        mouth.listen(prompt, wake)
        return Answer(mouth: mouth, metadata: metadata)
    }

    private final class Answer: AgentAnswer {
        private let mouth: Mouth
        let metadata: JSONObject

        init(mouth: Mouth, metadata: JSONObject) {
            self.mouth = mouth
            self.metadata = metadata
        }

        func next(appendingTo piece: inout [UInt8]) throws -> AgentProgress { try mouth.next(appendingTo: &piece) }
    }
}
