import Foundation
import Primitives
import Storage
import Testing

@testable import Storage

/// A kind of store, for tests that run over both.
struct MigrationSite: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// Runs `body` with a place where there is no store yet, and removes what came to be there.
    let use: @Sendable (_ body: (MigrationPlace) async throws -> Void) async throws -> Void

    static let all: [MigrationSite] = [sqlite] + (testURI.map { [mongo($0)] } ?? [])

    private static let testURI: String? = {
        let uri = ProcessInfo.processInfo.environment["MONGODB_TEST_URI"]
        if uri == nil { print("MONGODB_TEST_URI is not set: MongoDB's migrations are not tested") }
        return uri
    }()

    private static let sqlite = MigrationSite(testDescription: "sqlite") { body in
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("runners-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(.folder(folder.path))
    }

    private static func mongo(_ uri: String) -> MigrationSite {
        MigrationSite(testDescription: "mongodb") { body in
            let database = "test_\(UUID().uuidString.prefix(8))"
            let place = MigrationPlace.database(uri, database)
            do {
                try await body(place)
            } catch {
                try await place.drop()
                throw error
            }
            try await place.drop()
        }
    }
}

/// Where a store is, or will be.
enum MigrationPlace {
    case folder(String)
    case database(String, String)

    var environment: [String: String] {
        switch self {
        case .folder(let path): ["DATA_DIR": path]
        case .database(let uri, let name): ["MONGODB_URI": uri, "MONGODB_DB_NAME": name]
        }
    }

    var runnerArguments: [String] {
        switch self {
        case .folder(let path): [path]
        case .database(let uri, let name): [uri, name]
        }
    }

    func engine() throws -> MigrationEngine {
        switch self {
        case .folder(let path):
            MigrationEngine(SQLiteMigrationBackend(directory: path), known: SQLiteMigrations.all)
        case .database(let uri, let name):
            MigrationEngine(
                try MongoMigrationBackend(MongoOptions(uri: uri, database: name)),
                known: MongoMigrations.all
            )
        }
    }

    /// Lets the lock of a dead runner run out. The system frees a lock on a file by itself.
    func outlive(_ runner: BuiltProgram) async throws {
        guard case .database = self else { return }
        let early = try BuiltProgram("Migrations", ["upgrade", "--lock-timeout", "0"], environment: environment)
        #expect(early.exitCode == 3)
        #expect(early.text.contains("by process \(runner.process.processIdentifier) on "))
        try await withStore { connection throws(MongoError) in
            let past = Timestamp(milliseconds: 1_000_000)
            let changed = try connection.write(MongoLease.collection) { bulk throws(MongoError) in
                try bulk.update(["_id": MongoLease.id], ["$set": ["expires_at": .date(past)]])
            }
            guard changed.matched == 1 else { throw .store(StoreError(.failed, "there is no lock")) }
        }
    }

    fileprivate func drop() async throws {
        try await withStore { connection throws(MongoError) in
            try connection.command("dropDatabase", ["dropDatabase": 1]) { _ in }
        }
    }

    private func withStore(
        _ body: @escaping @Sendable (borrowing MongoConnection) throws(MongoError) -> Void
    ) async throws {
        guard case .database(let uri, let name) = self else { return }
        var options = MongoOptions(uri: uri, database: name, poolSize: 1)
        options.socketMilliseconds = 30_000
        let store = try MongoStore(options)
        let result: Result<Void, any Error>
        do {
            result = .success(try await store.pool.run(body))
        } catch {
            result = .failure(error)
        }
        await store.close()
        try result.get()
    }
}
