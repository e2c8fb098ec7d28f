/// The schema of the embedded store, step by step.
///
/// A step that has been released is never changed: files that have it know it by its checksum. Add another.
package enum SQLiteMigrations {
    package static let all: [Migration] = [
        Migration(number: 1, name: "001_add_chat_rooms_collection", up: tables001 + indexes001, down: down001),
        Migration(number: 2, name: "002_add_answer_parts", up: [table002], down: down002),
    ]

    // STRICT: a column holds what its type says, whichever program writes. Times are milliseconds since 1970, UTC;
    // metadata is the text of a JSON object. There are no foreign keys, as history outlives its session.
    private static let tables001 = [
        """
        CREATE TABLE IF NOT EXISTS chat_rooms (
            room_id TEXT NOT NULL,
            user_id TEXT NOT NULL,
            room_name TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            last_activity INTEGER NOT NULL,
            updated_at INTEGER,
            message_count INTEGER NOT NULL DEFAULT 0,
            metadata TEXT NOT NULL DEFAULT '{}',
            is_deleted INTEGER NOT NULL DEFAULT 0,
            deleted_at INTEGER
        ) STRICT
        """,
        """
        CREATE TABLE IF NOT EXISTS conversation_history (
            conversation_id TEXT NOT NULL,
            user_id TEXT NOT NULL,
            session_id TEXT NOT NULL,
            room_id TEXT NOT NULL,
            agent_type TEXT NOT NULL,
            user_input TEXT NOT NULL,
            agent_response TEXT NOT NULL DEFAULT '',
            timestamp INTEGER NOT NULL,
            status TEXT,
            stream_id TEXT,
            message_id TEXT,
            metadata TEXT NOT NULL DEFAULT '{}'
        ) STRICT
        """,
        """
        CREATE TABLE IF NOT EXISTS active_streams (
            stream_id TEXT NOT NULL,
            session_id TEXT NOT NULL,
            room_id TEXT NOT NULL,
            user_id TEXT NOT NULL,
            agent_type TEXT NOT NULL,
            instance_id TEXT NOT NULL,
            started_at INTEGER NOT NULL,
            status TEXT NOT NULL DEFAULT 'streaming',
            cancel_requested INTEGER NOT NULL DEFAULT 0,
            last_heartbeat INTEGER NOT NULL
        ) STRICT
        """,
        """
        CREATE TABLE IF NOT EXISTS sessions (
            session_id TEXT NOT NULL,
            user_id TEXT NOT NULL,
            room_id TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            last_activity INTEGER NOT NULL,
            expires_at INTEGER NOT NULL,
            active_agent TEXT,
            context_from INTEGER,
            context_from_by_agent TEXT NOT NULL DEFAULT '{}'
        ) STRICT
        """,
        // The counts stay true whoever writes, so these also outlive a downgrade.
        """
        CREATE TRIGGER IF NOT EXISTS conversation_added AFTER INSERT ON conversation_history BEGIN
            UPDATE chat_rooms SET message_count = message_count + 1 WHERE room_id = new.room_id;
        END
        """,
        """
        CREATE TRIGGER IF NOT EXISTS conversation_removed AFTER DELETE ON conversation_history BEGIN
            UPDATE chat_rooms SET message_count = message_count - 1 WHERE room_id = old.room_id;
        END
        """,
        """
        CREATE TRIGGER IF NOT EXISTS conversation_moved AFTER UPDATE OF room_id ON conversation_history BEGIN
            UPDATE chat_rooms SET message_count = message_count - 1 WHERE room_id = old.room_id;
            UPDATE chat_rooms SET message_count = message_count + 1 WHERE room_id = new.room_id;
        END
        """,
    ]

    // Ascending, as an index is read backwards as well, and only so does the row id, which every index ends with,
    // break ties newest first.
    private static let indexes001 = [
        "CREATE UNIQUE INDEX IF NOT EXISTS room_id_unique_idx ON chat_rooms (room_id)",
        // The one index for lists and for the limit. Only live rooms are in it: deleted ones pile up.
        // `is_deleted` is a column of it so that counting needs no look at the table.
        """
        CREATE INDEX IF NOT EXISTS user_last_activity_idx ON chat_rooms (user_id, last_activity DESC, room_id, is_deleted)
        WHERE is_deleted = 0
        """,
        """
        CREATE INDEX IF NOT EXISTS user_deleted_idx ON chat_rooms (user_id, deleted_at) WHERE is_deleted = 1
        """,

        "CREATE UNIQUE INDEX IF NOT EXISTS conversation_id_unique_idx ON conversation_history (conversation_id)",
        "CREATE INDEX IF NOT EXISTS user_timestamp_idx ON conversation_history (user_id, timestamp)",
        "CREATE INDEX IF NOT EXISTS session_agent_idx ON conversation_history (session_id, agent_type, timestamp)",
        "CREATE INDEX IF NOT EXISTS session_timestamp_idx ON conversation_history (session_id, timestamp)",
        "CREATE INDEX IF NOT EXISTS room_timestamp_idx ON conversation_history (room_id, timestamp)",
        """
        CREATE INDEX IF NOT EXISTS user_agent_timestamp_idx ON conversation_history (user_id, agent_type, timestamp)
        """,
        """
        CREATE UNIQUE INDEX IF NOT EXISTS conversation_stream_unique_idx ON conversation_history (stream_id)
        WHERE stream_id IS NOT NULL
        """,
        """
        CREATE UNIQUE INDEX IF NOT EXISTS session_message_unique_idx ON conversation_history (session_id, message_id)
        WHERE message_id IS NOT NULL
        """,
        // As small as the number of running answers: how a start finds the orphans of a crash.
        """
        CREATE INDEX IF NOT EXISTS running_idx ON conversation_history (stream_id) WHERE status = 'streaming'
        """,

        "CREATE UNIQUE INDEX IF NOT EXISTS stream_id_unique_idx ON active_streams (stream_id)",
        "CREATE INDEX IF NOT EXISTS session_idx ON active_streams (session_id)",
        "CREATE INDEX IF NOT EXISTS room_idx ON active_streams (room_id)",
        "CREATE INDEX IF NOT EXISTS ttl_heartbeat_idx ON active_streams (last_heartbeat)",

        "CREATE UNIQUE INDEX IF NOT EXISTS session_id_unique_idx ON sessions (session_id)",
        "CREATE INDEX IF NOT EXISTS session_room_idx ON sessions (room_id)",
        "CREATE INDEX IF NOT EXISTS ttl_expires_idx ON sessions (expires_at)",
    ]

    // Rooms, history and sessions stay: a step back must lose nothing that users wrote.
    private static let down001 =
        [
            "room_id_unique_idx", "user_last_activity_idx", "user_deleted_idx", "conversation_id_unique_idx",
            "user_timestamp_idx", "session_agent_idx", "session_timestamp_idx", "room_timestamp_idx",
            "user_agent_timestamp_idx", "conversation_stream_unique_idx", "session_message_unique_idx", "running_idx",
            "session_id_unique_idx", "session_room_idx", "ttl_expires_idx",
        ]
        .map { "DROP INDEX IF EXISTS \($0)" } + ["DROP TABLE IF EXISTS active_streams"]

    // See `AnswerParts`. No id is given twice: rows are deleted by their ids.
    private static let table002 = """
        CREATE TABLE IF NOT EXISTS answer_parts (row_id INTEGER PRIMARY KEY AUTOINCREMENT, parts TEXT NOT NULL) STRICT
        """

    // What a crash has left in the journal goes to its conversations first. Of parts that were stored twice, the longer one.
    private static let down002 = [
        table002,
        """
        UPDATE conversation_history AS c SET agent_response = agent_response || answer.text
        FROM (
            SELECT id, group_concat(text, '') AS text FROM (
                SELECT part.value ->> 0 AS id, part.value ->> 1 AS place, part.value ->> 2 AS text,
                    max(length(part.value ->> 2))
                FROM answer_parts, json_each(answer_parts.parts) AS part
                JOIN conversation_history AS h ON h.conversation_id = part.value ->> 0 AND h.status = 'streaming'
                WHERE part.value ->> 1 >= length(CAST(h.agent_response AS BLOB))
                GROUP BY id, place ORDER BY id, place
            ) GROUP BY id
        ) AS answer
        WHERE c.conversation_id = answer.id
        """,
        "DROP TABLE answer_parts",
    ]
}
