import Foundation
import Primitives
import Synchronization
import Testing

@testable import Storage

@Suite(.enabled(if: MongoTestServer.isConfigured)) struct `Migrations of MongoDB` {
    @Test func `the first step sends the collections and indexes of the schema, with what they need`() async throws {
        try await withDatabase { database in
            let log = CommandLog()
            let done = try database.engine(log).upgrade()
            #expect(done.map(\.number) == [1])
            let commands = log.take()
            #expect(
                commands.filter { $0.name == "create" }.map(\.collection)
                    == ["chat_rooms", "conversation_history", "active_streams", "sessions"]
            )
            let creations = commands.filter { $0.name == "createIndexes" }
            #expect(creations.allSatisfy { $0.document["writeConcern"] == ["w": "majority"] })
            expectContract(creations.createdIndexes)
        }
    }

    @Test func `an intent is written before the step, and its end after it`() async throws {
        try await withDatabase { database in
            let log = CommandLog()
            try database.engine(log).upgrade()
            let commands = log.take()
            let intent = try #require(commands.summary.firstIndex(of: "insert schema_migrations"))
            let end = try #require(commands.summary.firstIndex(of: "update schema_migrations"))
            let steps = commands.indices.filter { ["create", "createIndexes"].contains(commands[$0].name) }
            #expect(intent < (steps.first ?? 0))
            #expect((steps.last ?? .max) < end)
            // The lock is looked at before each of them.
            for step in steps + [intent, end] {
                let before = commands[..<step].last { $0.name != "listIndexes" }
                #expect(before?.collection == "schema_migrations_lock" || before?.collection == "schema_migrations")
            }
            let record = try #require(try database.engine().history().first)
            #expect(record.run == 1)
            #expect(record.isDone)
            #expect(record.checksum == MongoMigrations.all[0].checksum)
            #expect(record.version == ProgramVersion.current)
            #expect(record.host == MigrationRecord.thisHost)
        }
    }

    @Test func `at the head and in a dry run nothing but the records is looked at`() async throws {
        try await withDatabase { database in
            let log = CommandLog()
            let planned = try database.engine(log).preview(.upgrade(.head))
            #expect(planned.count == 1)
            #expect(log.take().summary == ["find schema_migrations"])
            try database.engine().upgrade()
            let again = try database.engine(log).upgrade()
            #expect(again == [])
            #expect(Set(log.take().summary) == ["find schema_migrations"])
            let wayBack = try database.engine(log).preview(.downgrade(.base))
            #expect(wayBack.count == 1)
            #expect(log.take().summary == ["find schema_migrations"])
        }
    }

    @Test func `a step back drops the indexes and the streams, and keeps what users wrote`() async throws {
        try await withDatabase { database in
            try database.engine().upgrade()
            let store = try MongoStore(database.options)
            // Not sessions: by the server's clock those of a test's time have expired.
            try await store.createRoom(.sample("r1"), limit: 50)
            try await store.insertForeign("conversation_history") {
                [
                    [
                        "conversation_id": "c1", "user_id": "ann", "session_id": "s1", "room_id": "r1",
                        "agent_type": "assistant", "user_input": "q", "agent_response": "a",
                        "timestamp": .date(time(1)),
                    ]
                ]
            }
            let log = CommandLog()
            let undone = try database.engine(log).downgrade()
            #expect(undone.map(\.direction) == [.down])
            let commands = log.take()
            let dropped = commands.filter { $0.name == "dropIndexes" }.map {
                "\($0.collection ?? "").\($0.document["index"]?.stringValue ?? "")"
            }
            let expected = MongoSchema.indexes.filter { $0.collection != MongoSchema.streams }
            #expect(Set(dropped) == Set(expected.map { "\($0.collection).\($0.name)" }))
            #expect(commands.filter { $0.name == "drop" }.map(\.collection) == ["active_streams"])
            #expect(try await store.history(.room("r1")) == ["c1"])
            #expect(try await store.room(id: "r1")?.name == Room.sample("r1").name)
            await #expect(throws: StoreError.self) { try await store.checkSchema() }
            try database.engine().upgrade()
            try await store.checkSchema()
            await store.close()
        }
    }

    @Test func `a store that needs the schema refuses every call until the database has it`() async throws {
        try await withDatabase { database in
            let store = try MongoStore(database.options, requiresSchema: true)
            await expect(.schemaMismatch) { try await store.ping() }
            await expect(.schemaMismatch) { try await store.createRoom(.sample("r1"), limit: 5) }
            try database.engine().upgrade()
            try await store.createRoom(.sample("r1"), limit: 5)
            #expect(try await store.room(id: "r1") != nil)
            await store.close()
        }
    }

    @Test func `a database that another program filled is taken as it is, and its documents are read`() async throws {
        try await withDatabase { database in
            let store = try MongoStore(database.options)
            try await store.createIndexes()
            try await store.insertForeign("chat_rooms") {
                [
                    [
                        "room_id": "old", "user_id": "ann", "room_name": "Old", "created_at": .date(time(0)),
                        "last_activity": .date(time(1)), "is_deleted": false,
                    ]
                ]
            }
            try await store.insertForeign("schema_migrations") { [["version": "2024-01"]] }
            let done = try database.engine().upgrade()
            #expect(done.count == 1)
            try await store.checkSchema()
            #expect(try await store.room(id: "old")?.name == "Old")
            #expect(try await store.all("schema_migrations") { $0.optionalString("version") }.contains("2024-01"))
            await store.close()
        }
    }

    @Test func `a lock is taken over when it has run out, and its old holder can do nothing more`() async throws {
        try await withDatabase { database in
            let old = try MongoMigrationBackend(database.options, leaseDuration: .seconds(-1000))
            let new = try MongoMigrationBackend(database.options)
            let other = try MongoMigrationBackend(database.options)
            let record = MigrationRecord(
                number: 1,
                name: "001",
                checksum: "x",
                direction: .up,
                startedAt: time(0),
                endedAt: nil,
                host: "h",
                version: "1"
            )
            try old.lock()
            let begun = try old.begin(record)
            #expect(begun.run == 1)
            try new.lock()
            await expect(.inUse) { try other.lock() }
            await expect(.inUse) { try old.begin(record) }
            await expect(.inUse) { try old.end(begun) }
            await expect(.inUse) { try old.run(MongoMigrations.all[0].up, of: begun, time: SystemTimeSource()) }
            old.unlock()
            await expect(.inUse) { try other.lock() }
            #expect(try new.begin(record).run == 2)

            #expect(try other.breakLock())
            await expect(.inUse) { try new.begin(record) }
            try other.lock()
            other.unlock()
            #expect(try !other.breakLock())
        }
    }

    @Test func `a lock that is no lock of this program's form can be broken`() async throws {
        try await withDatabase { database in
            let store = try MongoStore(database.options)
            let odd: [@Sendable () -> BSONDocument] = [
                { ["_id": MongoLease.id] }, { ["_id": MongoLease.id, "token": "x", "expires_at": "tomorrow"] },
            ]
            for document in odd {
                try await store.insertForeign(MongoLease.collection) { [document()] }
                let backend = try MongoMigrationBackend(database.options)
                await expect(.inUse) { try backend.lock() }
                #expect(try backend.breakLock())
                try backend.lock()
                backend.unlock()
                try await store.removeForeign(MongoLease.collection) { ["_id": MongoLease.id] }
            }
            await store.close()
        }
    }

    @Test func `the lock is renewed while a step takes its time`() async throws {
        try await withDatabase { database in
            // The step is held up until the lock has been renewed twice meanwhile.
            let isRenewed = JobQueue<Void>()
            let isHeld = Atomic(false)
            var options = database.options
            options.observer = { command in
                if command.name == "createIndexes", !isHeld.exchange(true, ordering: .relaxed) {
                    for _ in 0..<2 { _ = isRenewed.take() }
                } else if command.name == "findAndModify", isHeld.load(ordering: .relaxed) {
                    _ = isRenewed.add(())
                }
            }
            let backend = try MongoMigrationBackend(options, leaseDuration: .seconds(3))
            #expect(try MigrationEngine(backend, known: MongoMigrations.all).upgrade().count == 1)
        }
    }

    @Test func `a step that fails is recorded, and repaired by the next run`() async throws {
        try await withDatabase { database in
            let bad = [Migration(number: 1, name: "001_bad", up: [#"{"create": "a"}"#, #"{"ping": 1}"#], down: [])]
            let engine = try database.engine(known: bad)
            let error = #expect(throws: MigrationError.self) { try engine.upgrade() }
            #expect(error?.description.hasPrefix("001_bad failed, and may have done a part") == true)
            let history = try database.engine(known: bad).history()
            #expect(history.map(\.isDone) == [false])
            let repaired = try database.engine().upgrade()
            #expect(repaired.map(\.run) == [2])
        }
    }

    // MARK: A database of its own

    private struct Database {
        var options: MongoOptions

        func engine(_ log: CommandLog? = nil, known: [Migration] = MongoMigrations.all) throws -> MigrationEngine {
            var options = options
            options.observer = log?.observer
            return MigrationEngine(try MongoMigrationBackend(options), known: known)
        }
    }

    private func withDatabase(_ body: (Database) async throws -> Void) async throws {
        let uri = try #require(MongoTestServer.uri)
        var options = MongoOptions(uri: uri, database: "test_\(UUID().uuidString.prefix(8))", poolSize: 2)
        options.socketMilliseconds = 30_000
        options.serverSelectionMilliseconds = 10_000
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(Database(options: options)))
        } catch {
            result = .failure(error)
        }
        let cleaner = try MongoStore(options)
        try await cleaner.pool.run { connection throws(MongoError) in
            try connection.command("dropDatabase", ["dropDatabase": 1]) { _ in }
        }
        await cleaner.close()
        try result.get()
    }
}
