import CSQLite
import Primitives
import Synchronization

/// The embedded store: a SQLite database in a folder, for one process at a time, with no server to run.
///
/// A call that changes something returns when the change is on the disk (`synchronous=FULL`): it survives `kill -9` and
/// loss of power. Callers are resumed on their own executor.
package final class SQLiteStore: Store {
    package let backend = "sqlite"
    package let isShared = false
    package var location: String { path }
    /// The database file.
    package let path: String
    /// The migrations that opening the store has run, for the log.
    package let migrations: [MigrationRecord]
    let writer: SQLiteWriter
    let readers: SQLiteReaders
    /// Oldest first.
    let journal = Mutex<[JournalRow]>([])

    private init(path: String, migrations: [MigrationRecord], writer: SQLiteWriter, readers: SQLiteReaders) {
        self.path = path
        self.migrations = migrations
        self.writer = writer
        self.readers = readers
    }

    deinit {
        writer.close()
        readers.close()
    }

    /// Opens the store in `directory`, which is made where there is none, and brings its schema up to date.
    ///
    /// - Parameter readers: how many threads read at the same time.
    /// - Throws: `.inUse` when another process (or store object) has it; `.schemaMismatch` when a newer program wrote it;
    ///   `.unavailable` when the folder cannot be written; `.failed` when the file is damaged.
    package static func open(
        directory: String,
        readers: Int = 2,
        time: any TimeSource = SystemTimeSource()
    ) async throws(StoreError) -> SQLiteStore {
        precondition(readers > 0)
        let folder = SQLiteFolder(path: directory)
        let path = folder.databasePath
        let (writer, migrations) = try await SQLiteWriter.start(lock: try folder.claim()) { () throws(StoreError) in
            let connection = try SQLiteConnection(path: path, access: .readWrite)
            do throws(MigrationError) {
                let backend = SQLiteMigrationBackend(connection: connection)
                return (connection, try MigrationEngine(backend, known: SQLiteMigrations.all, time: time).upgrade())
            } catch {
                throw error.storeError
            }
        }
        do throws(StoreError) {
            let readers = try await SQLiteReaders.start(count: readers, path: path)
            return SQLiteStore(path: path, migrations: migrations, writer: writer, readers: readers)
        } catch {
            writer.close()
            await writer.finish()
            throw error
        }
    }

    package var queues: [StoreQueue] {
        [StoreQueue("write", count: writer.waiting), StoreQueue("read", count: readers.waiting)]
    }

    /// Of all connections: mostly pages of the database.
    package var memoryByteCount: Int? { Int(sqlite3_memory_used()) }

    package func ping() async throws(StoreError) {
        try await readers.read { connection throws(StoreError) in
            try connection.requireFile()
            _ = try connection.statement(.ping).step()
        }
    }

    /// The readers go first: the writer's connection is then the last, and closing it empties the write-ahead log.
    package func close() async {
        readers.close()
        await readers.finish()
        writer.close()
        await writer.finish()
    }
}
