import Agents
import Primitives
import Storage
import Streaming

/// A question as a client asks it.
struct ChatQuestion: Sendable {
    var query: String
    var sessionID: String
    var roomID: String?
    var userID: String?
    var agentType: String
    var userProfile: JSONValue?
    var context: JSONObject
    /// What the agent is to keep to in this answer.
    var instructions: [String] = []
    /// How the answer is to be made, by the names of OpenAI's chat completions.
    var parameters: JSONObject = [:]
    /// The client's own id: the same id in the same session is the same question.
    var messageID: String?
    /// Whether the same query, while it is being answered, means that answer: so it is for a client that reconnects.
    var joinsSameQuery: Bool
    /// The request that asks it.
    var log: RequestLog?
    /// Where faults of the context are told: `body` or `query`.
    var faultLocation: String
}

extension ChatQuestion {
    /// Reads the question of a `POST`.
    init(body: JSONValue?) throws(APIError) {
        var body = BodyReader(body)
        self.init(
            query: body.required(anyOf: ["query", "message"], .question),
            sessionID: body.required("session_id", .identifier),
            roomID: body.optional("room_id", .identifier),
            userID: body.optional("user_id", .userID),
            agentType: body.optional("agent_type", .identifier) ?? AgentRegistry.automatic,
            userProfile: body.optional("user_profile", .object).map(JSONValue.object),
            context: body.optional("context", .object) ?? [:],
            messageID: body.optional("message_id", .identifier),
            joinsSameQuery: false,
            faultLocation: "body"
        )
        try check { () throws(ValidationError) in try body.finish() }
    }

    /// Reads the question of a `GET`, which an `EventSource` sends again when it reconnects.
    init(query: inout QueryReader) throws(APIError) {
        self.init(
            query: query.required(anyOf: ["query", "message"], .question),
            sessionID: query.required("session_id", .identifier),
            roomID: query.optional("room_id", .identifier),
            userID: query.optional("user_id", .userID),
            agentType: query.optional("agent_type", .identifier) ?? AgentRegistry.automatic,
            userProfile: query.optional("user_profile", .objectText).map(JSONValue.object),
            context: query.optional("context", .objectText) ?? [:],
            messageID: query.optional("message_id", .identifier),
            joinsSameQuery: true,
            faultLocation: "query"
        )
        let faults = query.faults
        try check { () throws(ValidationError) in try ValidationError.check(faults) }
    }
}

extension ChatQuestion {
    /// What the agent is asked, with what was said before in the session, oldest first.
    func prompt(in session: Session, context turns: [AgentTurn]) -> AgentPrompt {
        AgentPrompt(
            question: query,
            context: turns,
            userProfile: userProfile,
            requestContext: context,
            instructions: instructions,
            parameters: parameters,
            trace: log?.origin.trace,
            sessionID: session.id,
            userID: session.userID,
            roomID: session.roomID
        )
    }

    /// What is stored of the question and its answer, which `stream` makes.
    func conversation(of stream: LiveStream) -> Conversation {
        Conversation(
            id: stream.conversationID,
            userID: stream.userID,
            sessionID: stream.sessionID,
            roomID: stream.roomID,
            agentType: stream.agentType,
            userInput: query,
            timestamp: stream.startedAt,
            streamID: stream.id,
            messageID: messageID
        )
    }
}
