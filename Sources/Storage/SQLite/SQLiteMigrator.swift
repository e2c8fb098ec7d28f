import Glibc
import Primitives

/// Runs migrations on a SQLite database and keeps the log of them there.
package struct SQLiteMigrator {
    private let connection: SQLiteConnection
    private let migrations: [Migration]
    private let time: any TimeSource
    private let version: String

    /// - Parameter version: the program's, for the log.
    package init(
        connection: SQLiteConnection,
        migrations: [Migration] = SQLiteMigrations.all,
        time: any TimeSource = SystemTimeSource(),
        version: String = ProgramVersion.current
    ) {
        self.connection = connection
        self.migrations = migrations
        self.time = time
        self.version = version
    }

    /// What has been run and what has not. Changes nothing.
    package func plan() throws(MigrationError) -> MigrationPlan {
        MigrationPlan(known: migrations, history: try history(), place: connection.path)
    }

    /// Runs what is missing up to step `target` (nil: all), each step in a transaction of its own.
    ///
    /// - Returns: what was run.
    package func upgrade(to target: Int? = nil) throws(MigrationError) -> [MigrationRecord] {
        var done: [MigrationRecord] = []
        for migration in try plan().upgrade(to: target) {
            done.append(try run(migration, .up, statements: migration.up))
        }
        return done
    }

    /// Undoes what lies beyond step `target` (nil: the newest step), each step in a transaction of its own.
    ///
    /// - Returns: what was run.
    package func downgrade(to target: Int? = nil) throws(MigrationError) -> [MigrationRecord] {
        var done: [MigrationRecord] = []
        for migration in try plan().downgrade(to: target) {
            done.append(try run(migration, .down, statements: migration.down ?? []))
        }
        return done
    }

    /// All runs, oldest first.
    package func history() throws(MigrationError) -> [MigrationRecord] {
        do {
            return try records()
        } catch {
            throw .store(error)
        }
    }

    // MARK: One step

    private func run(
        _ migration: Migration,
        _ direction: MigrationRecord.Direction,
        statements: [String]
    ) throws(MigrationError) -> MigrationRecord {
        var record = MigrationRecord(
            number: migration.number,
            name: migration.name,
            checksum: migration.checksum,
            direction: direction,
            startedAt: time.now,
            endedAt: time.now,
            host: Self.host,
            version: version
        )
        do {
            try connection.execute("BEGIN IMMEDIATE")
            try connection.execute(Self.logTable, operation: "create schema_migrations")
            for statement in statements { try connection.execute(statement, operation: migration.name) }
            record.endedAt = time.now
            try insert(record)
            try connection.execute("COMMIT")
            return record
        } catch {
            if connection.isInTransaction { try? connection.execute("ROLLBACK") }
            record.endedAt = time.now
            record.error = error.message
            try? connection.execute(Self.logTable)
            try? insert(record)
            throw .failed(name: migration.name, error)
        }
    }

    private static var host: String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "" }
        return name.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    // MARK: The log

    private static let logTable = """
        CREATE TABLE IF NOT EXISTS schema_migrations (
            run INTEGER PRIMARY KEY,
            number INTEGER NOT NULL,
            name TEXT NOT NULL,
            checksum TEXT NOT NULL,
            direction TEXT NOT NULL,
            started_at INTEGER NOT NULL,
            ended_at INTEGER NOT NULL,
            host TEXT NOT NULL,
            version TEXT NOT NULL,
            error TEXT
        ) STRICT
        """

    private static let columns = "number, name, checksum, direction, started_at, ended_at, host, version, error"

    private func insert(_ record: MigrationRecord) throws(StoreError) {
        try connection.execute(
            "INSERT INTO schema_migrations (\(Self.columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            operation: "log \(record.name)",
            record.number,
            record.name,
            record.checksum,
            record.direction.rawValue,
            record.startedAt,
            record.endedAt,
            record.host,
            record.version,
            record.error
        )
    }

    private func records() throws(StoreError) -> [MigrationRecord] {
        let table = try connection.prepare(
            "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migrations'",
            operation: "read the schema"
        )
        guard try table.step() else { return [] }
        let rows = try connection.prepare(
            "SELECT \(Self.columns) FROM schema_migrations ORDER BY run",
            operation: "read schema_migrations"
        )
        var records: [MigrationRecord] = []
        while try rows.step() {
            let record = MigrationRecord(
                number: Int(rows.integer(0)),
                name: rows.text(1),
                checksum: rows.text(2),
                direction: rows.text(3) == "down" ? .down : .up,
                startedAt: rows.time(4),
                endedAt: rows.time(5),
                host: rows.text(6),
                version: rows.text(7),
                error: rows.optionalText(8)
            )
            records.append(record)
        }
        return records
    }
}
