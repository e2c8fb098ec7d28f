import Agents
import Primitives

/// An agent that says a few words and then fails as it is told.
struct ScriptedAgent: Agent {
    let name = "scripted"
    let summary = "Fails after a few words"
    var words: [String]
    var failure: (any Error)?

    func answer(
        _ prompt: AgentPrompt,
        clock: any AgentClock,
        wake: @escaping @Sendable () -> Void
    ) -> any AgentAnswer {
        Answer(words: words, failure: failure)
    }

    private final class Answer: AgentAnswer {
        private var words: [String]
        private let failure: (any Error)?
        let metadata: JSONObject = ["model": "script"]

        init(words: [String], failure: (any Error)?) {
            self.words = words
            self.failure = failure
        }

        func next(appendingTo piece: inout [UInt8]) throws -> AgentProgress {
            guard words.isEmpty else {
                piece += Array(words.removeFirst().utf8)
                return .piece
            }
            if let failure { throw failure }
            return .ended
        }
    }
}
