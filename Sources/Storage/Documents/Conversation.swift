import Primitives

/// A question and its answer.
package struct Conversation: Sendable, Equatable {
    package enum Status: String, Sendable, CaseIterable {
        case streaming, completed, cancelled, interrupted, failed
    }

    package var id: String
    package var userID: String
    package var sessionID: String
    package var roomID: String
    package var agentType: String
    package var userInput: String
    /// The answer, as far as it got.
    package var agentResponse: String
    package var timestamp: Timestamp
    package var status: Status
    /// The stream that carries or carried the answer.
    package var streamID: String?
    /// The client's own id of the question: the same id in the same session is the same question.
    package var messageID: String?
    package var metadata: JSONObject

    package init(
        id: String,
        userID: String,
        sessionID: String,
        roomID: String,
        agentType: String,
        userInput: String,
        agentResponse: String = "",
        timestamp: Timestamp,
        status: Status = .streaming,
        streamID: String? = nil,
        messageID: String? = nil,
        metadata: JSONObject = [:]
    ) {
        self.id = id
        self.userID = userID
        self.sessionID = sessionID
        self.roomID = roomID
        self.agentType = agentType
        self.userInput = userInput
        self.agentResponse = agentResponse
        self.timestamp = timestamp
        self.status = status
        self.streamID = streamID
        self.messageID = messageID
        self.metadata = metadata
    }
}

/// How an answer ended.
package struct ConversationEnd: Sendable, Equatable {
    package var conversationID: String
    package var streamID: String
    /// Any status but `.streaming`.
    package var status: Conversation.Status
    package var agentResponse: String
    package var metadata: JSONObject
    package var at: Timestamp

    package init(
        conversationID: String,
        streamID: String,
        status: Conversation.Status,
        agentResponse: String,
        metadata: JSONObject,
        at: Timestamp
    ) {
        self.conversationID = conversationID
        self.streamID = streamID
        self.status = status
        self.agentResponse = agentResponse
        self.metadata = metadata
        self.at = at
    }
}

/// Whose conversations are asked for.
package enum ConversationFilter: Sendable, Equatable {
    case user(String, agentType: String?)
    case session(String, agentType: String?)
    case room(String)
}
