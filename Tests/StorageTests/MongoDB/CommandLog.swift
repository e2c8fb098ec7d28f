import Primitives
import Synchronization

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
