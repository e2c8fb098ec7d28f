extension StoreStatement {
    var sql: String {
        switch self {
        case .begin: "BEGIN"
        case .beginImmediate: "BEGIN IMMEDIATE"
        case .commit: "COMMIT"
        case .rollback: "ROLLBACK"
        case .savepoint: "SAVEPOINT one_write"
        case .releaseSavepoint: "RELEASE one_write"
        case .rollbackToSavepoint: "ROLLBACK TO one_write"
        case .ping: "SELECT max(number) FROM schema_migrations"
        default: roomSQL ?? sessionSQL ?? conversationSQL ?? streamSQL ?? ""
        }
    }

    // MARK: Rooms

    private var roomSQL: String? {
        switch self {
        case .room:
            "SELECT \(Self.columns(SQLiteRow.roomColumns)) FROM chat_rooms WHERE room_id = ? AND is_deleted = 0"
        case .roomOwner: "SELECT user_id FROM chat_rooms WHERE room_id = ? AND is_deleted = 0"
        case .roomCount: "SELECT count(*) FROM chat_rooms WHERE user_id = ? AND is_deleted = 0"
        case .insertRoom:
            """
            INSERT INTO chat_rooms (room_id, user_id, room_name, created_at, last_activity, updated_at, metadata)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """
        case .updateRoom: "UPDATE chat_rooms SET room_name = ?, metadata = ?, updated_at = ? WHERE room_id = ?"
        case .markRoomDeleted: "UPDATE chat_rooms SET is_deleted = 1, deleted_at = ? WHERE room_id = ?"
        case .touchRoom: "UPDATE chat_rooms SET last_activity = ? WHERE room_id = ?"
        case .touchRoomOfConversation:
            """
            UPDATE chat_rooms SET last_activity = max(last_activity, ?)
            WHERE room_id = (SELECT room_id FROM conversation_history WHERE conversation_id = ?)
            """
        case .roomsByActivity: Self.roomPage("last_activity")
        case .roomsByActivityDescending: Self.roomPage("last_activity DESC")
        case .roomsByCreation: Self.roomPage("created_at")
        case .roomsByCreationDescending: Self.roomPage("created_at DESC")
        case .roomsByName: Self.roomPage("room_name")
        case .roomsByNameDescending: Self.roomPage("room_name DESC")
        default: nil
        }
    }

    /// The condition on `is_deleted` must be written out: only then is the partial index of live rooms used.
    private static func roomPage(_ order: String) -> String {
        """
        SELECT \(columns(SQLiteRow.roomColumns, of: "r")), \(columns(SQLiteRow.conversationColumns, of: "c"))
        FROM chat_rooms AS r LEFT JOIN conversation_history AS c ON c.rowid = (
            SELECT rowid FROM conversation_history WHERE room_id = r.room_id
            ORDER BY timestamp DESC, rowid DESC LIMIT 1
        )
        WHERE r.user_id = ? AND r.is_deleted = 0
        ORDER BY r.\(order), r.room_id LIMIT ? OFFSET ?
        """
    }

    // MARK: Sessions

    private var sessionSQL: String? {
        switch self {
        case .session:
            "SELECT \(Self.columns(SQLiteRow.sessionColumns)) FROM sessions WHERE session_id = ? AND expires_at > ?"
        case .liveSession: "SELECT 1 FROM sessions WHERE session_id = ? AND expires_at > ?"
        case .insertSession:
            """
            INSERT INTO sessions (\(Self.columns(SQLiteRow.sessionColumns))) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """
        case .touchSession: "UPDATE sessions SET last_activity = ?1, active_agent = ?2 WHERE session_id = ?3"
        case .touchSessionAndStartContext:
            """
            UPDATE sessions
            SET last_activity = ?1, active_agent = ?2, context_from = ?1, context_from_by_agent = '{}'
            WHERE session_id = ?3
            """
        case .touchSessionOfConversation:
            """
            UPDATE sessions SET last_activity = max(last_activity, ?1)
            WHERE session_id = (SELECT session_id FROM conversation_history WHERE conversation_id = ?2)
            """
        case .setContext: "UPDATE sessions SET context_from = ?, context_from_by_agent = ? WHERE session_id = ?"
        case .deleteSession: "DELETE FROM sessions WHERE session_id = ? AND expires_at > ?"
        case .deleteRoomSessions: "DELETE FROM sessions WHERE room_id = ?"
        case .deleteExpiredSessions: "DELETE FROM sessions WHERE expires_at <= ?"
        case .sessionCount: "SELECT count(*) FROM sessions WHERE expires_at > ?"
        case .contextKeys: "SELECT agent_type, timestamp \(Self.contextRows)"
        case .contextConversations:
            """
            SELECT \(Self.columns(SQLiteRow.conversationColumns)) \(Self.contextRows)
            ORDER BY timestamp DESC, rowid DESC
            """
        default: nil
        }
    }

    private static let contextRows = """
        FROM conversation_history WHERE session_id = ? AND timestamp >= ? AND status IS NOT 'streaming'
        """

    // MARK: Conversations

    private var conversationSQL: String? {
        switch self {
        case .insertConversation:
            """
            INSERT INTO conversation_history (\(Self.columns(SQLiteRow.conversationColumns)))
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """
        case .saveText:
            "UPDATE conversation_history SET agent_response = ? WHERE conversation_id = ? AND status = 'streaming'"
        case .endConversation:
            """
            UPDATE conversation_history SET status = ?, agent_response = ?, metadata = ?
            WHERE conversation_id = ? AND status = 'streaming'
            """
        case .withdrawConversation:
            "DELETE FROM conversation_history WHERE conversation_id = ? AND status = 'streaming'"
        case .interruptConversation: "UPDATE conversation_history SET status = 'interrupted' WHERE conversation_id = ?"
        // A running conversation without a record of its stream belongs to nobody.
        case .orphans:
            """
            SELECT c.conversation_id FROM conversation_history AS c
            LEFT JOIN active_streams AS a ON a.stream_id = c.stream_id
            WHERE c.status = 'streaming'
            AND (a.stream_id IS NULL OR (a.instance_id <> ? AND a.last_heartbeat < ?))
            """
        case .conversationByStream: Self.conversation("stream_id = ?")
        case .conversationByMessage: Self.conversation("session_id = ? AND message_id = ?")
        case .hasMessage: "SELECT 1 FROM conversation_history WHERE session_id = ? AND message_id = ?"
        case .userConversations: Self.conversationPage("user_id = ?")
        case .userAgentConversations: Self.conversationPage("user_id = ? AND agent_type = ?")
        case .sessionConversations: Self.conversationPage("session_id = ?")
        case .sessionAgentConversations: Self.conversationPage("session_id = ? AND agent_type = ?")
        case .roomConversations: Self.conversationPage("room_id = ?")
        case .userConversationCount: Self.conversationCount("user_id = ?")
        case .userAgentConversationCount: Self.conversationCount("user_id = ? AND agent_type = ?")
        case .sessionConversationCount: Self.conversationCount("session_id = ?")
        case .sessionAgentConversationCount: Self.conversationCount("session_id = ? AND agent_type = ?")
        case .roomConversationCount: Self.conversationCount("room_id = ?")
        case .deleteRoomConversations: "DELETE FROM conversation_history WHERE room_id = ?"
        // The plus keeps the planner from the room's index, which is the longer way.
        case .deleteSessionConversations:
            "DELETE FROM conversation_history WHERE session_id = ? AND +room_id = ? AND status IS NOT 'streaming'"
        default: nil
        }
    }

    private static func conversation(_ condition: String) -> String {
        "SELECT \(columns(SQLiteRow.conversationColumns)) FROM conversation_history WHERE \(condition)"
    }

    /// Of two conversations at the same time, the one that was stored later is the newer.
    private static func conversationPage(_ condition: String) -> String {
        conversation(condition) + " ORDER BY timestamp DESC, rowid DESC LIMIT ? OFFSET ?"
    }

    private static func conversationCount(_ condition: String) -> String {
        "SELECT count(*) FROM conversation_history WHERE \(condition)"
    }

    // MARK: Running streams

    private var streamSQL: String? {
        switch self {
        case .insertAnswerParts: "INSERT INTO answer_parts (parts) VALUES (?)"
        case .answerParts: "SELECT row_id, parts FROM answer_parts ORDER BY row_id"
        case .deleteAnswerParts: "DELETE FROM answer_parts WHERE row_id <= ?"
        case .runningConversations: "SELECT conversation_id FROM conversation_history WHERE status = 'streaming'"
        case .runningTextSize:
            """
            SELECT length(CAST(agent_response AS BLOB)) FROM conversation_history
            WHERE conversation_id = ? AND status = 'streaming'
            """
        case .appendText:
            """
            UPDATE conversation_history SET agent_response = agent_response || ?
            WHERE conversation_id = ? AND status = 'streaming'
            """
        case .insertStream:
            "INSERT INTO active_streams (\(Self.columns(SQLiteRow.streamColumns))) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        case .saveHeartbeat: "UPDATE active_streams SET last_heartbeat = ? WHERE stream_id = ?"
        case .deleteStream: "DELETE FROM active_streams WHERE stream_id = ?"
        case .deleteRoomStreams: "DELETE FROM active_streams WHERE room_id = ?"
        case .deleteOrphanStreams: "DELETE FROM active_streams WHERE instance_id <> ? AND last_heartbeat < ?"
        case .activeStreams:
            "SELECT \(Self.columns(SQLiteRow.streamColumns)) FROM active_streams ORDER BY started_at, rowid"
        default: nil
        }
    }

    private static func columns(_ names: [String], of table: String? = nil) -> String {
        names.map { name in table.map { "\($0).\(name)" } ?? name }.joined(separator: ", ")
    }
}
