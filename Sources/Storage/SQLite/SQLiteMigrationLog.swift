import Primitives

/// The table `schema_migrations`.
struct SQLiteMigrationLog {
    let connection: SQLiteConnection

    private static let columns =
        "number, name, checksum, direction, started_at, ended_at, host, version, error, stamped"

    private static let table = """
        CREATE TABLE IF NOT EXISTS schema_migrations (
            run INTEGER PRIMARY KEY,
            number INTEGER NOT NULL,
            name TEXT NOT NULL,
            checksum TEXT NOT NULL,
            direction TEXT NOT NULL,
            started_at INTEGER NOT NULL,
            ended_at INTEGER,
            host TEXT NOT NULL,
            version TEXT NOT NULL,
            error TEXT,
            stamped INTEGER NOT NULL DEFAULT 0
        ) STRICT
        """

    /// What the schema of a store says that has the first form of the table; see `create`.
    static let firstStatement = """
        CREATE TABLE schema_migrations (
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

    /// Makes the table where there is none, and a new one of the first form, which had no records without an end.
    /// To be called in a transaction.
    func create() throws(StoreError) {
        let isOld = try count("pragma_table_info('schema_migrations')", "name = 'ended_at' AND \"notnull\"") > 0
        if isOld { try connection.execute("ALTER TABLE schema_migrations RENAME TO old_schema_migrations") }
        try connection.execute(Self.table, operation: "create schema_migrations")
        guard isOld else { return }
        let columns = "run, number, name, checksum, direction, started_at, ended_at, host, version, error"
        try connection.execute(
            "INSERT INTO schema_migrations (\(columns)) SELECT \(columns) FROM old_schema_migrations",
            operation: "copy schema_migrations"
        )
        try connection.execute("DROP TABLE old_schema_migrations")
    }

    /// - Returns: the record with its run.
    func insert(_ record: MigrationRecord) throws(StoreError) -> MigrationRecord {
        let row = try connection.prepare(
            """
            INSERT INTO schema_migrations (\(Self.columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING run
            """,
            operation: "log \(record.name)",
            record.number,
            record.name,
            record.checksum,
            record.direction.rawValue,
            record.startedAt,
            record.endedAt,
            record.host,
            record.version,
            record.error,
            record.isStamp ? 1 : 0
        )
        var record = record
        while try row.step() { record.run = Int(row.integer(0)) }
        return record
    }

    func complete(_ record: MigrationRecord) throws(StoreError) {
        try connection.execute(
            "UPDATE schema_migrations SET ended_at = ?, error = ? WHERE run = ?",
            operation: "log \(record.name)",
            record.endedAt,
            record.error,
            record.run
        )
    }

    /// All of them, oldest first; none when there is no table.
    func records() throws(StoreError) -> [MigrationRecord] {
        guard try count("sqlite_schema", "type = 'table' AND name = 'schema_migrations'") > 0 else { return [] }
        let hasStamps = try count("pragma_table_info('schema_migrations')", "name = 'stamped'") > 0
        let rows = try connection.prepare(
            """
            SELECT run, number, name, checksum, direction, started_at, ended_at, host, version, error, \
            \(hasStamps ? "stamped" : "0") FROM schema_migrations ORDER BY run
            """,
            operation: "read schema_migrations"
        )
        var records: [MigrationRecord] = []
        while try rows.step() {
            var record = MigrationRecord(
                number: Int(rows.integer(1)),
                name: rows.text(2),
                checksum: rows.text(3),
                direction: rows.text(4) == "down" ? .down : .up,
                startedAt: rows.time(5),
                endedAt: rows.optionalTime(6),
                host: rows.text(7),
                version: rows.text(8),
                error: rows.optionalText(9)
            )
            record.run = Int(rows.integer(0))
            record.isStamp = rows.integer(10) != 0
            records.append(record)
        }
        return records
    }

    private func count(_ table: String, _ condition: String) throws(StoreError) -> Int {
        let rows = try connection.prepare(
            "SELECT count(*) FROM \(table) WHERE \(condition)",
            operation: "read the schema"
        )
        return try rows.step() ? Int(rows.integer(0)) : 0
    }
}
