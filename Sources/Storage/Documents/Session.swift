import Primitives

/// A user's visit to a room: it bounds what the agents remember, and holds at most one running answer.
package struct Session: Sendable, Equatable {
    package var id: String
    package var userID: String
    package var roomID: String
    package var createdAt: Timestamp
    package var lastActivity: Timestamp
    package var expiresAt: Timestamp
    /// The agent that answered last.
    package var activeAgent: String?
    package var context: SessionContext

    package init(
        id: String,
        userID: String,
        roomID: String,
        createdAt: Timestamp,
        lastActivity: Timestamp,
        expiresAt: Timestamp,
        activeAgent: String? = nil,
        context: SessionContext = SessionContext()
    ) {
        self.id = id
        self.userID = userID
        self.roomID = roomID
        self.createdAt = createdAt
        self.lastActivity = lastActivity
        self.expiresAt = expiresAt
        self.activeAgent = activeAgent
        self.context = context
    }
}

/// From when on conversations belong to what the agents see. What is older stays stored, and is not shown to them.
package struct SessionContext: Sendable, Equatable {
    /// Conversations before this are seen by no agent.
    package var from: Timestamp?
    /// Conversations of one agent before this are not seen.
    package var fromByAgent: [String: Timestamp]

    package init(from: Timestamp? = nil, fromByAgent: [String: Timestamp] = [:]) {
        self.from = from
        self.fromByAgent = fromByAgent
    }

    /// Whether agents see a conversation of `agentType` that began at `timestamp`.
    package func includes(agentType: String, at timestamp: Timestamp) -> Bool {
        if let from, timestamp < from { return false }
        if let from = fromByAgent[agentType], timestamp < from { return false }
        return true
    }
}
