import Primitives

// How the documents lie in their collections. What another program wrote may lack all but the ids and times: the rest has
// the value that such a program means by leaving it out.

extension Room {
    /// Without the place that makes the limit hold, which whoever inserts it adds.
    var document: BSONDocument {
        let document: BSONDocument = [
            "room_id": .string(id), "user_id": .string(userID), "room_name": .string(name),
            "created_at": .date(createdAt), "last_activity": .date(lastActivity),
            "message_count": 0, "metadata": .json(.object(metadata)), "is_deleted": false,
        ]
        return document.append("updated_at", ifPresent: updatedAt.map { .date($0) })
    }

    /// - Parameter messageCount: the true one; nil: what the document says, or nothing.
    init(_ view: borrowing BSONView, messageCount: Int? = nil) throws(MongoError) {
        let created = try view.date("created_at")
        self.init(
            id: try view.string("room_id"),
            userID: try view.string("user_id"),
            name: view.optionalString("room_name") ?? "",
            createdAt: created,
            lastActivity: view.optionalDate("last_activity") ?? created,
            updatedAt: view.optionalDate("updated_at"),
            messageCount: messageCount ?? view.optionalInteger("message_count") ?? 0,
            metadata: view.optionalObject("metadata") ?? [:]
        )
    }
}

extension Session {
    var document: BSONDocument {
        [
            "session_id": .string(id), "user_id": .string(userID), "room_id": .string(roomID),
            "created_at": .date(createdAt), "last_activity": .date(lastActivity), "expires_at": .date(expiresAt),
            "active_agent": .optional(activeAgent), "context_from": .optional(context.from),
            "context_from_by_agent": context.agentsAsArray, "context_version": 0,
        ]
    }

    init(_ view: borrowing BSONView) throws(MongoError) {
        let created = try view.date("created_at")
        self.init(
            id: try view.string("session_id"),
            userID: try view.string("user_id"),
            roomID: try view.string("room_id"),
            createdAt: created,
            lastActivity: view.optionalDate("last_activity") ?? created,
            expiresAt: try view.date("expires_at"),
            activeAgent: view.optionalString("active_agent"),
            context: SessionContext(from: view.optionalDate("context_from"))
        )
        var agents: [String: Timestamp] = [:]
        view.forEachDocument(in: "context_from_by_agent") { entry in
            if let agent = entry.optionalString("agent_type") { agents[agent] = entry.optionalDate("from") }
        }
        context.fromByAgent = agents
    }
}

extension SessionContext {
    /// `fromByAgent` as it is stored: an array, as the names of agents come from users and so must not be keys.
    var agentsAsArray: BSONValue {
        .array(fromByAgent.map { ["agent_type": .string($0), "from": .date($1)] })
    }
}

extension Conversation {
    var document: BSONDocument {
        // Of two conversations at the same time, the one with the greater `_id` is the newer.
        let document: BSONDocument = [
            "_id": .objectID(BSONObjectID()),
            "conversation_id": .string(id), "user_id": .string(userID), "session_id": .string(sessionID),
            "room_id": .string(roomID), "agent_type": .string(agentType), "user_input": .string(userInput),
            "agent_response": .string(agentResponse), "timestamp": .date(timestamp),
            "status": .string(status.rawValue), "stream_id": .optional(streamID),
        ]
        // Left out rather than null: the index on it holds documents that have the field.
        document.append("message_id", ifPresent: messageID.map { .string($0) })
        return document.append("metadata", .json(.object(metadata)))
    }

    init(_ view: borrowing BSONView) throws(MongoError) {
        var id = view.optionalString("conversation_id") ?? view.optionalObjectID("_id")?.text
        if id == nil { id = try view.string("_id") }
        self.init(
            id: id ?? "",
            userID: view.optionalString("user_id") ?? "",
            sessionID: view.optionalString("session_id") ?? "",
            roomID: view.optionalString("room_id") ?? "",
            agentType: view.optionalString("agent_type") ?? "",
            userInput: view.optionalString("user_input") ?? "",
            agentResponse: view.optionalString("agent_response") ?? "",
            timestamp: try view.date("timestamp"),
            status: view.optionalString("status").flatMap { Status(rawValue: $0) } ?? .completed,
            streamID: view.optionalString("stream_id"),
            messageID: view.optionalString("message_id"),
            metadata: view.optionalObject("metadata") ?? [:]
        )
    }
}

extension Conversation {
    /// Nil for a document that is none, as one without a time: in a list it must not keep the others from who asks.
    static func readable(_ view: borrowing BSONView) -> Conversation? {
        try? view.decoded { view throws(MongoError) in try Conversation(view) }.get()
    }
}

extension ActiveStream {
    var document: BSONDocument {
        [
            "stream_id": .string(id), "session_id": .string(sessionID), "room_id": .string(roomID),
            "user_id": .string(userID), "agent_type": .string(agentType), "instance_id": .string(instanceID),
            "started_at": .date(startedAt), "status": "streaming", "cancel_requested": .bool(cancelRequested),
            "last_heartbeat": .date(lastHeartbeat),
        ]
    }

    init(_ view: borrowing BSONView) throws(MongoError) {
        let started = try view.date("started_at")
        self.init(
            id: try view.string("stream_id"),
            sessionID: view.optionalString("session_id") ?? "",
            roomID: view.optionalString("room_id") ?? "",
            userID: view.optionalString("user_id") ?? "",
            agentType: view.optionalString("agent_type") ?? "",
            instanceID: view.optionalString("instance_id") ?? "",
            startedAt: started,
            cancelRequested: view.optionalBool("cancel_requested") ?? false,
            lastHeartbeat: view.optionalDate("last_heartbeat") ?? started
        )
    }
}
