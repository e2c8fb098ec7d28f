import Primitives

/// What an agent is asked, and what it may know.
package struct AgentPrompt: Sendable {
    package var question: String
    /// What was said before, oldest first.
    package var context: [AgentTurn]
    /// The request's `user_profile`.
    package var userProfile: JSONValue?
    /// The request's `context`.
    package var requestContext: JSONObject
    /// What whoever asks wants the agent to keep to, besides what it is told by its own settings.
    package var instructions: [String]
    /// How the answer is to be made, in the words of OpenAI's chat completions: `temperature`, `max_tokens`, …
    /// An agent keeps to what it knows.
    package var parameters: JSONObject
    /// The trace that the question belongs to: a request to a model says so.
    package var trace: TraceContext?
    package var sessionID: String
    package var userID: String
    package var roomID: String

    package init(
        question: String,
        context: [AgentTurn] = [],
        userProfile: JSONValue? = nil,
        requestContext: JSONObject = [:],
        instructions: [String] = [],
        parameters: JSONObject = [:],
        trace: TraceContext? = nil,
        sessionID: String,
        userID: String,
        roomID: String
    ) {
        self.question = question
        self.context = context
        self.userProfile = userProfile
        self.requestContext = requestContext
        self.instructions = instructions
        self.parameters = parameters
        self.trace = trace
        self.sessionID = sessionID
        self.userID = userID
        self.roomID = roomID
    }
}
