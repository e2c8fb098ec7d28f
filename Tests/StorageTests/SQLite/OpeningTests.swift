import Foundation
import Primitives
import Testing

@testable import Storage

@Suite struct `Opening the embedded store` {
    private func fails(_ code: StoreError.Code, _ words: [String], in folder: String) async {
        do {
            await (try SQLiteStore.open(directory: folder)).close()
            Issue.record("the store was opened")
        } catch {
            #expect(error.code == code)
            for word in words { #expect(error.message.contains(word), "\(error)") }
        }
    }

    @Test func `the folder is made, for its owner alone, and the steps that were run are told`() async throws {
        try await withTemporaryFolder { folder in
            let nested = folder + "/a/b"
            let store = try await SQLiteStore.open(directory: nested)
            #expect(store.migrations.map(\.name) == SQLiteMigrations.all.map(\.name))
            #expect(store.path == nested + "/room-service.db")
            let attributes = try FileManager.default.attributesOfItem(atPath: nested)
            #expect(attributes[.posixPermissions] as? Int == 0o700)
            await store.close()

            let again = try await SQLiteStore.open(directory: nested)
            #expect(again.migrations == [])
            await again.close()
        }
    }

    @Test func `what was stored is there after closing and opening`() async throws {
        try await withTemporaryFolder { folder in
            let store = try await SQLiteStore.open(directory: folder)
            try await store.createRoom(.sample("r1"), limit: 50)
            await store.close()
            // All is in the one file then: it alone can be copied.
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == [
                    "room-service.db", "room-service.lock",
                ]
            )
            let again = try await SQLiteStore.open(directory: folder)
            #expect(try await again.room(id: "r1") == .sample("r1"))
            await again.close()
        }
    }

    @Test func `commits wait for the disk, and readers do not write`() async throws {
        try await withTemporaryFolder { folder in
            let store = try await SQLiteStore.open(directory: folder)
            let settings = try await store.writer.write { connection throws(StoreError) in
                try ["journal_mode", "synchronous"].map { name throws(StoreError) in
                    let row = try connection.prepare("PRAGMA \(name)", operation: name)
                    return try row.step() ? row.text(0) : ""
                }
            }
            // 2 is FULL.
            #expect(settings == ["wal", "2"])
            await expect(.unavailable) {
                try await store.readers.read { connection throws(StoreError) in
                    try connection.execute("DELETE FROM chat_rooms")
                }
            }
            await store.close()
        }
    }

    @Test func `what a forged file says cannot make the service run functions, nor statements damage the file`()
        async throws
    {
        try await withTemporaryFolder { folder in
            let store = try await SQLiteStore.open(directory: folder)
            let isTrusted = { @Sendable (connection: SQLiteConnection) throws(StoreError) in
                let row = try connection.prepare("PRAGMA trusted_schema", operation: "read")
                return try row.step() ? row.text(0) : ""
            }
            #expect(try await store.writer.write(isTrusted) == "0")
            #expect(try await store.readers.read(isTrusted) == "0")
            await expect(.failed) {
                try await store.writer.write { connection throws(StoreError) in
                    try connection.execute("PRAGMA writable_schema = ON")
                    try connection.execute("DELETE FROM sqlite_schema")
                }
            }
            await store.close()
        }
    }

    @Test func `what is no file is named, and not waited for`() async throws {
        try await withTemporaryFolder { folder in
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            #expect(mkfifo(folder + "/room-service.db", 0o600) == 0)
            await fails(.failed, [folder + "/room-service.db", "named pipe"], in: folder)
        }
    }

    @Test func `a second opener is told who has it, until the first has closed`() async throws {
        try await withTemporaryFolder { folder in
            let store = try await SQLiteStore.open(directory: folder)
            await fails(.inUse, [folder + "/room-service.lock", "process \(getpid())", "DATA_DIR"], in: folder)
            try await store.ping()
            await store.close()
            await (try SQLiteStore.open(directory: folder)).close()
        }
    }

    @Test func `a store that is dropped unclosed lets go of its folder`() async throws {
        try await withTemporaryFolder { folder in
            var store: SQLiteStore? = try await SQLiteStore.open(directory: folder)
            let writer = store!.writer
            store = nil
            await writer.finish()
            await (try SQLiteStore.open(directory: folder)).close()
        }
    }

    @Test func `a file of a newer schema is refused and left alone`() async throws {
        try await withTemporaryFolder { folder in
            let newer =
                SQLiteMigrations.all + [
                    Migration(number: 3, name: "003_next", up: ["CREATE TABLE next (a)"], down: nil)
                ]
            #expect(try MigrationEngine(SQLiteMigrationBackend(directory: folder), known: newer).upgrade().count == 3)
            await fails(.schemaMismatch, [folder, "version 3", "up to 2", "newer program"], in: folder)
            let plan = try MigrationEngine(SQLiteMigrationBackend(directory: folder), known: newer).plan()
            #expect(plan.version == 3)
        }
    }

    @Test func `a file of another step of the same number is refused`() async throws {
        try await withTemporaryFolder { folder in
            let other = [Migration(number: 1, name: "001_other", up: ["CREATE TABLE other (a)"], down: nil)]
            _ = try MigrationEngine(SQLiteMigrationBackend(directory: folder), known: other).upgrade()
            await fails(.schemaMismatch, [folder, "001_add_chat_rooms_collection", "restore a backup"], in: folder)
        }
    }

    @Test func `a file that is no database is named`() async throws {
        try await withTemporaryFolder { folder in
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try Data(repeating: 0x58, count: 8192).write(to: URL(fileURLWithPath: folder + "/room-service.db"))
            await fails(.failed, [folder + "/room-service.db", "not a database", "backup"], in: folder)
        }
    }

    @Test func `a file with damaged pages is named`() async throws {
        try await withTemporaryFolder { folder in
            let store = try await SQLiteStore.open(directory: folder)
            for index in 0..<200 { try await store.createRoom(.sample("r\(index)"), limit: .max) }
            await store.close()
            let file = URL(fileURLWithPath: folder + "/room-service.db")
            var bytes = try Data(contentsOf: file)
            // The first page holds the schema, and stays.
            bytes.replaceSubrange(4096..., with: Data(repeating: 0xFF, count: bytes.count - 4096))
            try bytes.write(to: file)
            await fails(.failed, [folder, "damaged", "backup"], in: folder)
        }
    }

    @Test(.enabled(if: geteuid() != 0, "root may write everywhere"))
    func `a folder that cannot be written is named`() async throws {
        try await withTemporaryFolder { folder in
            try FileManager.default.createDirectory(
                atPath: folder,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o500]
            )
            await fails(.unavailable, [folder, "denied"], in: folder)
            await fails(.unavailable, [folder + "/deeper", "denied", "DATA_DIR"], in: folder + "/deeper")
        }
    }

    @Test func `a file where the folder should be is named`() async throws {
        try await withTemporaryFolder { folder in
            try Data().write(to: URL(fileURLWithPath: folder))
            await fails(.unavailable, [folder, "Not a directory"], in: folder)
            await fails(.unavailable, [folder, "Not a directory"], in: folder + "/deeper")
        }
    }

    @Test func `rows of other programs without status or record are understood`() async throws {
        try await withTemporaryFolder { folder in
            let store = try await SQLiteStore.open(directory: folder)
            try await store.makeRoomAndSession()
            try await store.converse(.sample("c1", at: 1))
            try await store.converse(.sample("c2", at: 2))
            try await store.begin(.sample("c3", at: 3))
            try await store.writer.write { connection throws(StoreError) in
                try connection.execute(
                    "UPDATE conversation_history SET status = NULL, stream_id = NULL WHERE conversation_id = 'c1'"
                )
                try connection.execute("UPDATE conversation_history SET status = 'odd' WHERE conversation_id = 'c2'")
                try connection.execute("DELETE FROM active_streams")
            }
            let page = try await store.conversations(.room("r1"), page: PageRequest(limit: 9))
            #expect(page.elements.map(\.status) == [.completed, .completed, .streaming])
            let session = try #require(try await store.session(id: "s1", at: time(4)))
            #expect(try await store.contextCount(of: session) == 2)
            // A running answer without a record belongs to nobody.
            #expect(try await store.interruptOrphans(notOf: "i1", staleBefore: time(0), at: time(5)) == 1)
            #expect(try await store.deleteConversations(sessionID: "s1", roomID: "r1") == 3)
            await store.close()
        }
    }
}
