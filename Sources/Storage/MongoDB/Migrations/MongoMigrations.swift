/// The schema of a MongoDB database, step by step, in the server's own commands. `MongoConnection.apply` says what makes
/// each of them one that can be run again.
///
/// A step that has been released is never changed: databases that have it know it by its checksum. Add another.
package enum MongoMigrations {
    package static let all: [Migration] = [
        Migration(number: 1, name: "001_add_chat_rooms_collection", up: up001, down: down001)
    ]

    private static let up001 = [
        #"{"create": "chat_rooms"}"#,
        #"""
        {"createIndexes": "chat_rooms", "indexes": [
            {"name": "room_id_unique_idx", "key": {"room_id": 1}, "unique": true},
            {"name": "user_slot_unique_idx", "key": {"user_id": 1, "slot": 1}, "unique": true,
                "partialFilterExpression": {"slot": {"$exists": true}}},
            {"name": "user_last_activity_idx", "key": {"user_id": 1, "last_activity": -1}},
            {"name": "user_deleted_idx", "key": {"user_id": 1, "is_deleted": 1}},
            {"name": "purge_pending_idx", "key": {"purge_pending": 1},
                "partialFilterExpression": {"purge_pending": {"$exists": true}}}
        ]}
        """#,
        #"{"create": "conversation_history"}"#,
        #"""
        {"createIndexes": "conversation_history", "indexes": [
            {"name": "room_session_message_unique_idx", "key": {"room_id": 1, "session_id": 1, "message_id": 1},
                "unique": true, "partialFilterExpression": {"message_id": {"$exists": true}}},
            {"name": "user_timestamp_idx", "key": {"user_id": 1, "timestamp": -1}},
            {"name": "session_agent_idx", "key": {"session_id": 1, "agent_type": 1}},
            {"name": "room_timestamp_idx", "key": {"room_id": 1, "timestamp": -1}},
            {"name": "user_agent_timestamp_idx", "key": {"user_id": 1, "agent_type": 1, "timestamp": -1}},
            {"name": "stream_idx", "key": {"stream_id": 1}},
            {"name": "running_idx", "key": {"status": 1}, "partialFilterExpression": {"status": "streaming"}}
        ]}
        """#,
        #"{"create": "active_streams"}"#,
        #"""
        {"createIndexes": "active_streams", "indexes": [
            {"name": "stream_id_unique_idx", "key": {"stream_id": 1}, "unique": true},
            {"name": "session_idx", "key": {"session_id": 1}},
            {"name": "room_idx", "key": {"room_id": 1}},
            {"name": "instance_cancel_idx", "key": {"instance_id": 1, "cancel_requested": 1}},
            {"name": "ttl_heartbeat_idx", "key": {"last_heartbeat": 1}, "expireAfterSeconds": 300}
        ]}
        """#,
        #"{"create": "sessions"}"#,
        #"""
        {"createIndexes": "sessions", "indexes": [
            {"name": "session_id_unique_idx", "key": {"session_id": 1}, "unique": true},
            {"name": "session_room_idx", "key": {"room_id": 1}},
            {"name": "ttl_expires_idx", "key": {"expires_at": 1}, "expireAfterSeconds": 0}
        ]}
        """#,
    ]

    // Rooms, history and sessions stay: a step back must lose nothing that users wrote.
    private static let down001 = [
        #"""
        {"dropIndexes": "chat_rooms", "index": [
            "room_id_unique_idx", "user_slot_unique_idx", "user_last_activity_idx", "user_deleted_idx",
            "purge_pending_idx"
        ]}
        """#,
        #"""
        {"dropIndexes": "conversation_history", "index": [
            "room_session_message_unique_idx", "user_timestamp_idx", "session_agent_idx", "room_timestamp_idx",
            "user_agent_timestamp_idx", "stream_idx", "running_idx"
        ]}
        """#,
        #"""
        {"dropIndexes": "sessions", "index": ["session_id_unique_idx", "session_room_idx", "ttl_expires_idx"]}
        """#,
        #"{"drop": "active_streams"}"#,
    ]
}
