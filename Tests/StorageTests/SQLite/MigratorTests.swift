import Primitives
import Testing

@testable import Storage

@Suite struct `Migrations of the embedded store` {
    @Test func `a released step is never changed`() {
        // Stores in the world have this checksum: another one means that they are refused. Add a step instead.
        #expect(SQLiteMigrations.all[0].checksum == "add6544c2164604e")
        #expect(SQLiteMigrations.all.map(\.number) == Array(1...SQLiteMigrations.all.count))
    }

    @Test func `a step back keeps what users wrote, and a step forward goes on from there`() async throws {
        try await withTemporaryFolder { folder in
            let store = try await SQLiteStore.open(directory: folder)
            try await store.makeRoomAndSession()
            try await store.converse(.sample("c1"))
            try await store.begin(.sample("c2", at: 5))
            await store.close()

            let administration = engine(folder)
            #expect(try administration.downgrade(to: .base).map(\.direction) == [.down, .down])
            #expect(try administration.plan().version == 0)
            let left = try objects(in: folder)
            #expect(left.tables == ["chat_rooms", "conversation_history", "schema_migrations", "sessions"])
            #expect(left.indexes == [])

            let again = try await SQLiteStore.open(directory: folder)
            #expect(again.migrations.map(\.direction) == [.up, .up])
            #expect(try await again.history(.room("r1")) == ["c1", "c2"])
            #expect(try await again.room(id: "r1")?.messageCount == 2)
            #expect(try await again.session(id: "s1", at: time(6)) != nil)
            #expect(try await again.interruptOrphans(notOf: "i2", staleBefore: nil, at: time(6)) == 1)
            await again.close()
            let log = try engine(folder).history()
            #expect(log.map(\.direction) == [.up, .up, .down, .down, .up, .up])
        }
    }

    @Test func `the indexes have the names of the contract`() async throws {
        try await withTemporaryFolder { folder in
            await (try SQLiteStore.open(directory: folder)).close()
            let contract = [
                "user_last_activity_idx", "user_deleted_idx", "room_id_unique_idx", "user_timestamp_idx",
                "session_agent_idx", "room_timestamp_idx", "user_agent_timestamp_idx", "session_idx", "room_idx",
                "ttl_heartbeat_idx", "session_id_unique_idx", "ttl_expires_idx",
            ]
            #expect(try objects(in: folder).indexes.isSuperset(of: contract))
        }
    }

    @Test func `each run is logged with its time, place and program`() async throws {
        try await withTemporaryFolder { folder in
            let clock = ManualTimeSource(now: time(7))
            let store = try await SQLiteStore.open(directory: folder, time: clock)
            await store.close()
            let record = try #require(store.migrations.first)
            #expect(record.startedAt == time(7))
            #expect(record.endedAt == time(7))
            #expect(record.version == ProgramVersion.current)
            #expect(!record.host.isEmpty)
            #expect(record.checksum == SQLiteMigrations.all[0].checksum)
            #expect(try engine(folder).history() == store.migrations)
        }
    }

    @Test func `a step that fails is rolled back as a whole, and logged`() async throws {
        try await withTemporaryFolder { folder in
            let steps = [
                Migration(number: 1, name: "001_good", up: ["CREATE TABLE good (a)"], down: nil),
                Migration(
                    number: 2,
                    name: "002_bad",
                    up: ["CREATE TABLE half (a)", "INSERT INTO no_table VALUES (1)"],
                    down: nil
                ),
                Migration(number: 3, name: "003_later", up: ["CREATE TABLE later (a)"], down: nil),
            ]
            let administration = engine(folder, steps)
            let error = #expect(throws: MigrationError.self) { try administration.upgrade() }
            #expect(error?.storeError.code == .failed)
            #expect(error?.description.hasPrefix("002_bad failed and was rolled back: 002_bad: ") == true)
            #expect(try objects(in: folder).tables == ["good", "schema_migrations"])
            let log = try engine(folder).history()
            #expect(try administration.plan().steps.map(\.state).dropFirst() == [.broken(log[1]), .pending])
            #expect(log.map(\.number) == [1, 2])
            #expect(log[0].error == nil)
            #expect(log[1].error?.contains("no_table") == true)

            // Put right, it goes on where it stopped.
            var repaired = steps
            repaired[1].up[1] = "CREATE TABLE other (a)"
            let done = try engine(folder, repaired).upgrade()
            #expect(done.map(\.number) == [2, 3])
        }
    }

    @Test func `records of the first form are read, and kept when the first run is added to them`() async throws {
        try await withTemporaryFolder { folder in
            await (try SQLiteStore.open(directory: folder)).close()
            let before = try engine(folder).history()
            let file = try SQLiteConnection(path: SQLiteFolder(path: folder).databasePath, access: .readWrite)
            for statement in [
                "ALTER TABLE schema_migrations RENAME TO new",
                """
                CREATE TABLE schema_migrations (run INTEGER PRIMARY KEY, number INTEGER NOT NULL, name TEXT NOT NULL,
                checksum TEXT NOT NULL, direction TEXT NOT NULL, started_at INTEGER NOT NULL, ended_at INTEGER NOT NULL,
                host TEXT NOT NULL, version TEXT NOT NULL, error TEXT) STRICT
                """,
                """
                INSERT INTO schema_migrations SELECT run, number, name, checksum, direction, started_at, ended_at, host,
                version, error FROM new
                """,
                "DROP TABLE new",
            ] { try file.execute(statement) }
            #expect(try engine(folder).history() == before)
            #expect(try engine(folder).downgrade().count == 1)
            #expect(try engine(folder).history().dropLast() == before[...])
        }
    }

    @Test func `what is missing in the file is found, and what is another`() async throws {
        try await withTemporaryFolder { folder in
            await (try SQLiteStore.open(directory: folder)).close()
            #expect(try engine(folder).verify() == [])
            let file = try SQLiteConnection(path: SQLiteFolder(path: folder).databasePath, access: .readWrite)
            try file.execute("DROP INDEX session_idx")
            try file.execute("DROP INDEX room_idx")
            try file.execute("CREATE INDEX room_idx ON active_streams (user_id)")
            #expect(
                try engine(folder).verify() == [
                    "index room_idx is another: CREATE INDEX room_idx ON active_streams (user_id)",
                    "index session_idx is missing",
                ]
            )
        }
    }

    // MARK: Looking into the file

    private func engine(_ folder: String, _ steps: [Migration] = SQLiteMigrations.all) -> MigrationEngine {
        MigrationEngine(SQLiteMigrationBackend(directory: folder), known: steps)
    }

    private func connection(to folder: String) throws -> SQLiteConnection {
        try SQLiteConnection(path: SQLiteFolder(path: folder).databasePath, access: .readOnly)
    }

    private func objects(in folder: String) throws -> (tables: Set<String>, indexes: Set<String>) {
        let rows = try connection(to: folder).prepare(
            "SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'",
            operation: "read the schema"
        )
        var tables: Set<String> = []
        var indexes: Set<String> = []
        while try rows.step() {
            if rows.text(0) == "table" { tables.insert(rows.text(1)) }
            if rows.text(0) == "index" { indexes.insert(rows.text(1)) }
        }
        return (tables, indexes)
    }
}
