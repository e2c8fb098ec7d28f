import Foundation
import Primitives
import Testing

@testable import Storage

@Suite struct `Backups of the embedded store` {
    @Test func `one of a store that is taken into use meanwhile has what is written then`() async throws {
        try await withTemporaryFolder { folder in
            let store = try await SQLiteStore.open(directory: folder)
            try await store.makeRoomAndSession()
            await store.close()
            // The store was at rest when the copy began.
            var service: SQLiteConnection?
            let backup = SQLiteBackup(directory: folder) {
                if service == nil { service = try? writer(in: folder, room: "later") }
                return false
            }
            let made = try backup.make(at: folder + "/copy.db")
            #expect(service != nil)
            #expect(try rooms(in: made.path) == ["later", "r1"])
            #expect(!FileManager.default.fileExists(atPath: made.path + ".partial"))
        }
    }

    @Test func `one that is broken off leaves nothing, at whatever moment`() async throws {
        try await withTemporaryFolder { folder in
            await (try SQLiteStore.open(directory: folder)).close()
            let before = try names(in: folder)
            var asked = 0
            for moment in 0... {
                asked = 0
                let backup = SQLiteBackup(directory: folder) {
                    asked += 1
                    return asked > moment
                }
                guard (try? backup.make(at: folder + "/copy.db")) == nil else { break }
                #expect(try names(in: folder) == before)
                let restoring = SQLiteBackup(directory: folder + "/other") { true }
                #expect(throws: StoreError.self) { try restoring.restore(from: folder + "/room-service.db") }
                #expect(try names(in: folder + "/other") == ["room-service.lock"])
                try FileManager.default.removeItem(atPath: folder + "/other")
            }
            #expect(asked > 1)
        }
    }

    @Test func `a copy has what the database had when it began, whoever writes meanwhile`() async throws {
        try await withTemporaryFolder { folder in
            let store = try await SQLiteStore.open(directory: folder)
            for number in 0..<3 { try await store.createRoom(.sample("r\(number)"), limit: 9) }
            // More than is copied at once.
            try await store.writer.write { connection throws(StoreError) in
                try connection.execute(
                    """
                    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000)
                    INSERT INTO answer_parts (parts) SELECT hex(zeroblob(512)) FROM n
                    """
                )
            }
            var asked = 0
            let other = try SQLiteConnection(path: store.path, access: .readWrite)
            let made = try SQLiteBackup(directory: folder) {
                asked += 1
                try? other.execute("UPDATE chat_rooms SET room_id = room_id || '+'")
                return false
            }
            .make(at: folder + "/copy.db")
            #expect(asked > 2)
            #expect(try rooms(in: made.path) == ["r0", "r1", "r2"])
            await store.close()
        }
    }

    // MARK: Looking into the files

    private func writer(in folder: String, room: String) throws -> SQLiteConnection {
        let connection = try SQLiteConnection(path: SQLiteFolder(path: folder).databasePath, access: .readWrite)
        try connection.execute(
            "INSERT INTO chat_rooms (room_id, user_id, room_name, created_at, last_activity) VALUES (?, 'u', 'n', 1, 1)",
            operation: "write",
            room
        )
        return connection
    }

    private func rooms(in path: String) throws -> [String] {
        let connection = try SQLiteConnection(path: path, access: .frozen)
        let rows = try connection.prepare("SELECT room_id FROM chat_rooms ORDER BY room_id", operation: "read")
        var rooms: [String] = []
        while try rows.step() { rooms.append(rows.text(0)) }
        return rooms
    }

    private func names(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    }
}
