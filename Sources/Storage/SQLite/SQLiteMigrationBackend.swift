import Glibc
import Primitives

/// Migrations of an embedded store. Its lock is the folder's, which a running service has.
///
/// Each step is one transaction together with the end of its record.
package final class SQLiteMigrationBackend: MigrationBackend {
    package let isTransactional = true
    package let place: String
    /// Nil when the store is open already, and the folder someone else's to lock.
    private let folder: SQLiteFolder?
    private var held: FileLock?
    /// For writing.
    private var connection: SQLiteConnection?

    /// For a store that nobody need have open.
    package init(directory: String) {
        let folder = SQLiteFolder(path: directory)
        place = folder.databasePath
        self.folder = folder
    }

    /// For a store whose lock the caller has.
    init(connection: SQLiteConnection) {
        place = connection.path
        folder = nil
        self.connection = connection
    }

    package func records() throws(StoreError) -> [MigrationRecord] {
        try read { connection throws(StoreError) in try SQLiteMigrationLog(connection: connection).records() } ?? []
    }

    // MARK: The lock

    package func lock() throws(StoreError) {
        guard let folder else { return }
        held = try folder.claim()
        do throws(StoreError) {
            connection = try SQLiteConnection(path: folder.databasePath, access: .readWrite)
        } catch {
            unlock()
            throw error
        }
    }

    package func unlock() {
        guard folder != nil else { return }
        connection = nil
        held?.release()
        held = nil
    }

    /// The system frees the lock of a process that ends, so that one that is held is a living process's.
    package func breakLock() throws(StoreError) -> Bool {
        guard let folder, folder.hasDatabase else { return false }
        try FileLock(path: folder.lockPath).release()
        return false
    }

    // MARK: A step

    package func begin(_ record: MigrationRecord) throws(StoreError) -> MigrationRecord {
        let connection = try writer()
        return try transaction { () throws(StoreError) in
            let log = SQLiteMigrationLog(connection: connection)
            try log.create()
            return try log.insert(record)
        }
    }

    package func run(
        _ statements: [String],
        of record: MigrationRecord,
        time: any TimeSource
    ) throws(StoreError) -> MigrationRecord {
        let connection = try writer()
        return try transaction { () throws(StoreError) in
            for statement in statements { try connection.execute(statement, operation: record.name) }
            var record = record
            record.endedAt = time.now
            try SQLiteMigrationLog(connection: connection).complete(record)
            return record
        }
    }

    package func end(_ record: MigrationRecord) throws(StoreError) {
        try SQLiteMigrationLog(connection: try writer()).complete(record)
    }

    private func transaction<Value>(_ body: () throws(StoreError) -> Value) throws(StoreError) -> Value {
        let connection = try writer()
        try connection.execute("BEGIN IMMEDIATE")
        do throws(StoreError) {
            let value = try body()
            try connection.execute("COMMIT")
            return value
        } catch {
            if connection.isInTransaction { try? connection.execute("ROLLBACK") }
            throw error
        }
    }

    private func writer() throws(StoreError) -> SQLiteConnection {
        guard let connection else { throw StoreError(.failed, "migrate: the lock is not held") }
        return connection
    }

    /// Nil when there is no database.
    private func read<Value>(
        _ body: (SQLiteConnection) throws(StoreError) -> Value
    ) throws(StoreError) -> Value? {
        if let connection { return try body(connection) }
        return try folder?.read(body)
    }

    // MARK: What is there

    package func differences(from migrations: [Migration]) throws(StoreError) -> [String] {
        guard !migrations.isEmpty,
            let actual = try read({ connection throws(StoreError) in try SQLiteSchema(of: connection).statements })
        else { return [] }
        // The record of the runs is not theirs.
        let expected = try SQLiteSchema(madeBy: migrations).statements.filter { $0.key != "table schema_migrations" }
        return expected.compactMap { object, text in
            guard let found = actual[object] else { return "\(object) is missing" }
            return found == text ? nil : "\(object) is another: \(found)"
        }
        .sorted()
    }
}
