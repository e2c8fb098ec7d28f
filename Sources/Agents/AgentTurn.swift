/// An earlier question and its answer, as far as it got.
package struct AgentTurn: Sendable, Equatable {
    package var question: String
    package var answer: String
    /// The agent that answered.
    package var agentType: String

    package init(question: String, answer: String, agentType: String) {
        self.question = question
        self.answer = answer
        self.agentType = agentType
    }
}
