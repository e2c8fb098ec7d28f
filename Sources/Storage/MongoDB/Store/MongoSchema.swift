/// An index that the service's queries go by.
struct MongoIndex: Sendable {
    struct Key: Sendable {
        var field: StaticString
        var direction: Int32
    }

    var collection: String
    var name: String
    var keys: [Key]
    var isUnique = false
    /// For dates in the first key: documents are removed by the server this many seconds after.
    var expireAfterSeconds: Int32?
    /// Only documents with this field are in it.
    var onlyWith: StaticString?
    /// Only documents with this text in the (first) key are in it.
    var onlyText: StaticString?

    init(
        _ collection: String,
        _ name: String,
        _ keys: [(StaticString, Int32)],
        isUnique: Bool = false,
        expireAfterSeconds: Int32? = nil,
        onlyWith: StaticString? = nil,
        onlyText: StaticString? = nil
    ) {
        self.collection = collection
        self.name = name
        self.keys = keys.map { Key(field: $0, direction: $1) }
        self.isUnique = isUnique
        self.expireAfterSeconds = expireAfterSeconds
        self.onlyWith = onlyWith
        self.onlyText = onlyText
    }

    /// As `createIndexes` takes it.
    var specification: BSONDocument {
        let specification: BSONDocument = [
            "name": .string(name), "key": .document(BSONDocument(keys.map { ($0.field, .int32($0.direction)) })),
        ]
        if isUnique { specification.append("unique", true) }
        if let expireAfterSeconds { specification.append("expireAfterSeconds", .int32(expireAfterSeconds)) }
        if let onlyWith {
            let condition = BSONDocument([(onlyWith, .document(["$exists": true]))])
            specification.append("partialFilterExpression", .document(condition))
        } else if let onlyText, let key = keys.first {
            let condition = BSONDocument([(key.field, .string("\(onlyText)"))])
            specification.append("partialFilterExpression", .document(condition))
        }
        return specification
    }
}

/// The collections and their indexes.
enum MongoSchema {
    static let rooms = "chat_rooms"
    static let conversations = "conversation_history"
    static let streams = "active_streams"
    static let sessions = "sessions"

    static let roomID = MongoIndex(rooms, "room_id_unique_idx", [("room_id", 1)], isUnique: true)

    /// What makes the room limit hold: each live room has a place of its own among the `limit` places of its user.
    static let roomSlot = MongoIndex(
        rooms,
        "user_slot_unique_idx",
        [("user_id", 1), ("slot", 1)],
        isUnique: true,
        onlyWith: "slot"
    )

    /// What makes a question with a message id be accepted once. It begins with the room, so that the collection can be
    /// sharded by that.
    static let message = MongoIndex(
        conversations,
        "room_session_message_unique_idx",
        [("room_id", 1), ("session_id", 1), ("message_id", 1)],
        isUnique: true,
        onlyWith: "message_id"
    )

    static let indexes = [
        roomID,
        roomSlot,
        MongoIndex(rooms, "user_last_activity_idx", [("user_id", 1), ("last_activity", -1)]),
        MongoIndex(rooms, "user_deleted_idx", [("user_id", 1), ("is_deleted", 1)]),
        // As small as the number of deletions that did not come to their end.
        MongoIndex(rooms, "purge_pending_idx", [("purge_pending", 1)], onlyWith: "purge_pending"),

        message,
        MongoIndex(conversations, "user_timestamp_idx", [("user_id", 1), ("timestamp", -1)]),
        MongoIndex(conversations, "session_agent_idx", [("session_id", 1), ("agent_type", 1)]),
        MongoIndex(conversations, "room_timestamp_idx", [("room_id", 1), ("timestamp", -1)]),
        MongoIndex(
            conversations,
            "user_agent_timestamp_idx",
            [("user_id", 1), ("agent_type", 1), ("timestamp", -1)]
        ),
        MongoIndex(conversations, "stream_idx", [("stream_id", 1)]),
        // As small as the number of running answers: how the orphans of a crash are found.
        MongoIndex(conversations, "running_idx", [("status", 1)], onlyText: "streaming"),

        MongoIndex(streams, "stream_id_unique_idx", [("stream_id", 1)], isUnique: true),
        MongoIndex(streams, "session_idx", [("session_id", 1)]),
        MongoIndex(streams, "room_idx", [("room_id", 1)]),
        MongoIndex(streams, "instance_cancel_idx", [("instance_id", 1), ("cancel_requested", 1)]),
        MongoIndex(streams, "ttl_heartbeat_idx", [("last_heartbeat", 1)], expireAfterSeconds: 300),

        MongoIndex(sessions, "session_id_unique_idx", [("session_id", 1)], isUnique: true),
        MongoIndex(sessions, "session_room_idx", [("room_id", 1)]),
        MongoIndex(sessions, "ttl_expires_idx", [("expires_at", 1)], expireAfterSeconds: 0),
    ]
}
