import Primitives

/// How the documents lie in the columns of the tables.
enum SQLiteRow {
    static let roomColumns = [
        "room_id", "user_id", "room_name", "created_at", "last_activity", "updated_at", "message_count", "metadata",
    ]

    static let sessionColumns = [
        "session_id", "user_id", "room_id", "created_at", "last_activity", "expires_at", "active_agent",
        "context_from", "context_from_by_agent",
    ]

    static let conversationColumns = [
        "conversation_id", "user_id", "session_id", "room_id", "agent_type", "user_input", "agent_response",
        "timestamp", "status", "stream_id", "message_id", "metadata",
    ]

    static let streamColumns = [
        "stream_id", "session_id", "room_id", "user_id", "agent_type", "instance_id", "started_at",
        "cancel_requested", "last_heartbeat",
    ]
}

extension Room {
    init(row: borrowing SQLiteStatement) throws(StoreError) {
        self.init(
            id: row.text(0),
            userID: row.text(1),
            name: row.text(2),
            createdAt: row.time(3),
            lastActivity: row.time(4),
            updatedAt: row.optionalTime(5),
            messageCount: Int(row.integer(6)),
            metadata: try row.object(7)
        )
    }
}

extension Session {
    init(row: borrowing SQLiteStatement) throws(StoreError) {
        self.init(
            id: row.text(0),
            userID: row.text(1),
            roomID: row.text(2),
            createdAt: row.time(3),
            lastActivity: row.time(4),
            expiresAt: row.time(5),
            activeAgent: row.optionalText(6),
            context: SessionContext(
                from: row.optionalTime(7),
                fromByAgent: SessionContext.agents(from: try row.object(8))
            )
        )
    }
}

extension SessionContext {
    /// `fromByAgent` as it is stored: milliseconds by agent.
    var storedAgents: JSONObject {
        JSONObject(fromByAgent.map { JSONObject.Member(key: $0, value: .integer($1.milliseconds)) })
    }

    static func agents(from stored: JSONObject) -> [String: Timestamp] {
        var agents: [String: Timestamp] = [:]
        for member in stored.members {
            agents[member.key] = member.value.integerValue.map { Timestamp(milliseconds: $0) }
        }
        return agents
    }
}

extension Conversation {
    init(row: borrowing SQLiteStatement, from first: Int32 = 0) throws(StoreError) {
        self.init(
            id: row.text(first),
            userID: row.text(first + 1),
            sessionID: row.text(first + 2),
            roomID: row.text(first + 3),
            agentType: row.text(first + 4),
            userInput: row.text(first + 5),
            agentResponse: row.text(first + 6),
            timestamp: row.time(first + 7),
            // Rows of other programs may have none, or one that is not known here.
            status: Status(rawValue: row.text(first + 8)) ?? .completed,
            streamID: row.optionalText(first + 9),
            messageID: row.optionalText(first + 10),
            metadata: try row.object(first + 11)
        )
    }
}

extension ActiveStream {
    init(row: borrowing SQLiteStatement) {
        self.init(
            id: row.text(0),
            sessionID: row.text(1),
            roomID: row.text(2),
            userID: row.text(3),
            agentType: row.text(4),
            instanceID: row.text(5),
            startedAt: row.time(6),
            cancelRequested: row.integer(7) != 0,
            lastHeartbeat: row.time(8)
        )
    }
}
