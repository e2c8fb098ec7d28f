import Primitives
import Synchronization
import Testing

@testable import Storage

/// The commands that a store has sent.
final class CommandLog: Sendable {
    private let commands = Mutex<[MongoCommand]>([])

    var observer: @Sendable (MongoCommand) -> Void {
        { command in self.commands.withLock { $0.append(command) } }
    }

    /// All since the last call, but those that watch over the connection itself.
    func take() -> [MongoCommand] {
        commands.withLock { commands in
            defer { commands = [] }
            return commands.filter { !["hello", "isMaster", "endSessions"].contains($0.name) }
        }
    }
}

extension [MongoCommand] {
    /// As `find chat_rooms`.
    var summary: [String] { map { "\($0.name) \($0.collection ?? "")" } }

    /// The indexes that the commands create, by their collections and names, as `chat_rooms.room_id_unique_idx`.
    var createdIndexes: [String: JSONObject] {
        var created: [String: JSONObject] = [:]
        for command in self where command.name == "createIndexes" {
            for index in command.document["indexes"]?.arrayValue ?? [] {
                let name = index.objectValue?["name"]?.stringValue ?? ""
                created["\(command.collection ?? "").\(name)"] = index.objectValue
            }
        }
        return created
    }
}

/// Expects the indexes that other programs know the database by: their names, keys in this order, and what they do.
func expectContract(_ created: [String: JSONObject]) {
    let contract: [(name: String, keys: JSONObject)] = [
        ("chat_rooms.user_last_activity_idx", ["user_id": 1, "last_activity": -1]),
        ("chat_rooms.user_deleted_idx", ["user_id": 1, "is_deleted": 1]),
        ("chat_rooms.room_id_unique_idx", ["room_id": 1]),
        ("conversation_history.user_timestamp_idx", ["user_id": 1, "timestamp": -1]),
        ("conversation_history.session_agent_idx", ["session_id": 1, "agent_type": 1]),
        ("conversation_history.room_timestamp_idx", ["room_id": 1, "timestamp": -1]),
        ("conversation_history.user_agent_timestamp_idx", ["user_id": 1, "agent_type": 1, "timestamp": -1]),
        ("active_streams.session_idx", ["session_id": 1]),
        ("active_streams.room_idx", ["room_id": 1]),
        ("active_streams.ttl_heartbeat_idx", ["last_heartbeat": 1]),
        ("sessions.session_id_unique_idx", ["session_id": 1]),
        ("sessions.ttl_expires_idx", ["expires_at": 1]),
    ]
    for (name, keys) in contract {
        // Members rather than objects, which are equal in whatever order.
        #expect(created[name]?["key"]?.objectValue?.members == keys.members, "\(name)")
    }
    #expect(created["chat_rooms.room_id_unique_idx"]?["unique"] == true)
    #expect(created["sessions.session_id_unique_idx"]?["unique"] == true)
    #expect(created["active_streams.ttl_heartbeat_idx"]?["expireAfterSeconds"] == 300)
    #expect(created["sessions.ttl_expires_idx"]?["expireAfterSeconds"] == 0)
}

/// Runs `body` with a store whose commands are logged, from after the creation of its indexes on.
func withLoggedStore<Result>(_ body: (MongoStore, CommandLog) async throws -> Result) async throws -> Result {
    let log = CommandLog()
    return try await withMongoStore {
        $0.observer = log.observer
    } _: { store in
        _ = log.take()
        return try await body(store, log)
    }
}

extension MongoStore {
    /// Puts documents into a collection as another program would.
    func insertForeign(_ collection: String, _ make: @escaping @Sendable () -> [BSONDocument]) async throws {
        try await pool.run { connection throws(MongoError) in
            let documents = make()
            let result = try connection.write(collection) { bulk throws(MongoError) in
                for document in documents { try bulk.insert(document) }
            }
            if let error = result.errors.first { throw .store(error.storeError) }
        }
    }

    func changeForeign(
        _ collection: String,
        _ make: @escaping @Sendable () -> (filter: BSONDocument, change: BSONDocument)
    ) async throws -> Int {
        try await pool.run { connection throws(MongoError) in
            let (filter, change) = make()
            return try connection.write(collection) { bulk throws(MongoError) in
                try bulk.update(filter, change)
            }.matched
        }
    }

    func removeForeign(_ collection: String, _ make: @escaping @Sendable () -> BSONDocument) async throws {
        try await pool.run { connection throws(MongoError) in
            _ = try connection.write(collection) { bulk throws(MongoError) in try bulk.removeAll(make()) }
        }
    }

    /// What `read` makes of each document of a collection.
    func all<Value: Sendable>(
        _ collection: String,
        _ read: @escaping @Sendable (borrowing BSONView) -> Value
    ) async throws -> [Value] {
        try await pool.run { connection throws(MongoError) in
            var values: [Value] = []
            try connection.find(collection, [:]) { view throws(MongoError) in values.append(read(view)) }
            return values
        }
    }
}
