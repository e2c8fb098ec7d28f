import Foundation
import Primitives
import Storage
import Testing

@testable import Migrations

@Suite struct `The Migrations program` {
    private let two = [
        Migration(number: 1, name: "001_one", up: ["CREATE TABLE one (a)"], down: nil),
        Migration(number: 2, name: "002_two", up: ["CREATE TABLE two (a)"], down: ["DROP TABLE two"]),
    ]

    private func withFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("migrations-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        return try await body(folder.path)
    }

    private func run(_ folder: String, _ arguments: String..., migrations: [Migration]? = nil)
        -> MigrationsCommand.Result
    {
        MigrationsCommand.run(arguments: arguments + ["--data-dir", folder], migrations: migrations ?? two)
    }

    @Test func `steps are run up and down, and shown`() async throws {
        try await withFolder { folder in
            #expect(run(folder, "status").output == "001_one  pending\n002_two  pending\n")
            #expect(!FileManager.default.fileExists(atPath: folder))
            #expect(run(folder, "status", "--check").code == .pending)
            #expect(run(folder, "downgrade").output == "nothing to do\n")

            let first = run(folder, "upgrade", "1")
            #expect(first.code == .done)
            #expect(first.output.hasPrefix("up  001_one  "))
            #expect(run(folder, "status", "--check").code == .pending)
            #expect(run(folder, "upgrade").output.hasPrefix("up  002_two  "))
            #expect(run(folder, "upgrade").output == "nothing to do\n")
            let status = run(folder, "status", "--check")
            #expect(status.code == .done)
            #expect(status.output.split(separator: "\n").allSatisfy { $0.contains("  applied 20") })

            #expect(run(folder, "downgrade").output.hasPrefix("down  002_two  "))
            #expect(run(folder, "status").output.hasSuffix("002_two  pending\n"))
        }
    }

    @Test func `a step without a way back is refused before anything is undone`() async throws {
        try await withFolder { folder in
            _ = run(folder, "upgrade")
            let result = run(folder, "downgrade", "base")
            #expect(result.code == .notReversible)
            #expect(result.errors == "Migrations: 001_one cannot be undone\n")
            #expect(run(folder, "status", "--check").code == .done)
        }
    }

    @Test func `each kind of failure has its own exit code`() async throws {
        try await withFolder { folder in
            #expect(run(folder, "upgrade", "3").code == .usage)
            let broken = [two[0], Migration(number: 2, name: "002_bad", up: ["CREATE TABEL"], down: nil)]
            let failed = run(folder, "upgrade", migrations: broken)
            #expect(failed.code == .failed)
            #expect(failed.errors.contains("002_bad failed and was rolled back"))
            _ = run(folder, "upgrade")
            let newer = run(folder, "upgrade", migrations: [two[0]])
            #expect(newer.code == .failed)
            #expect(newer.errors.contains("schema version 2"))
            #expect(run(folder, "status", migrations: [two[0]]).output.contains("unknown to this program"))
            #expect(run(folder, "status", "--check", migrations: [two[0]]).code == .failed)
        }
    }

    @Test func `a store in use is left alone, but its state can be shown`() async throws {
        try await withFolder { folder in
            let store = try await SQLiteStore.open(directory: folder)
            let result = run(folder, "downgrade", "--lock-timeout", "0", migrations: SQLiteMigrations.all)
            #expect(result.code == .locked)
            #expect(result.errors.contains("room-service.lock is held by process"))
            #expect(run(folder, "unlock", "--force").code == .locked)
            #expect(run(folder, "upgrade", migrations: SQLiteMigrations.all).output == "nothing to do\n")
            #expect(run(folder, "status", "--check", migrations: SQLiteMigrations.all).code == .done)
            #expect(run(folder, "verify", migrations: SQLiteMigrations.all).code == .done)
            try await store.ping()
            await store.close()
            #expect(run(folder, "downgrade", migrations: SQLiteMigrations.all).code == .done)
            #expect(run(folder, "unlock", "--force").output == "there was no lock\n")
        }
    }

    @Test func `a dry run says what would be run, and changes no file`() async throws {
        try await withFolder { folder in
            #expect(run(folder, "upgrade", "--dry-run").output == "would run  up  001_one\nwould run  up  002_two\n")
            #expect(!FileManager.default.fileExists(atPath: folder))
            _ = run(folder, "upgrade", "1")
            let before = try contents(of: folder)
            #expect(run(folder, "upgrade", "--dry-run").output == "would run  up  002_two\n")
            #expect(run(folder, "downgrade", "base", "--dry-run").code == .notReversible)
            #expect(run(folder, "stamp", "2", "--dry-run").output == "would run  up  002_two  stamp\n")
            #expect(run(folder, "upgrade", "1").output == "nothing to do\n")
            #expect(try contents(of: folder) == before)
        }
    }

    @Test func `a stamp is recorded, and what it says is there is missed by verify`() async throws {
        try await withFolder { folder in
            #expect(run(folder, "verify").output == "as recorded: no step has been run\n")
            #expect(run(folder, "stamp", "002").output == "up  001_one  stamp\nup  002_two  stamp\n")
            #expect(run(folder, "status", "--check").code == .done)
            let verified = run(folder, "verify")
            #expect(verified.code == .failed)
            #expect(verified.output == "table one is missing\ntable two is missing\n")
            #expect(run(folder, "stamp", "0").output == "down  002_two  stamp\ndown  001_one  stamp\n")
            #expect(run(folder, "upgrade").code == .done)
            #expect(run(folder, "verify").output == "as recorded\n")
            let history = run(folder, "history").output.split(separator: "\n")
            #expect(history.map { $0.prefix(12) }.first == "1  up    001")
            #expect(history.count == 6)
        }
    }

    @Test func `programs get one JSON object a call`() async throws {
        try await withFolder { folder in
            func object(_ arguments: String...) throws -> JSONObject {
                let arguments = arguments + ["--json", "--data-dir", folder]
                let result = MigrationsCommand.run(arguments: arguments, migrations: two)
                #expect(result.errors == "")
                return try #require(try JSONParser.parse(Array(result.output.utf8)).objectValue)
            }
            #expect(try object("upgrade", "--dry-run")["runs"]?.arrayValue?.count == 2)
            #expect(try object("upgrade")["runs"]?.arrayValue?.first?.objectValue?["name"] == "001_one")
            let status = try object("status")
            #expect(status["version"] == 2)
            #expect(status["is_current"] == true)
            #expect(status["steps"]?.arrayValue?.last?.objectValue?["state"] == "applied")
            #expect(try object("history")["runs"]?.arrayValue?.last?.objectValue?["ended_at"]?.stringValue != nil)
            #expect(try object("verify")["faults"] == [])
            #expect(try object("sideways")["error"]?.objectValue?["code"] == "usage")
            let failure = try object("downgrade", "base")
            #expect(failure["error"]?.objectValue?["code"] == "notReversible")
            #expect(failure["runs"] == [])
        }
    }

    /// Names and contents of all files.
    private func contents(of folder: String) throws -> [String: Data] {
        try FileManager.default.contentsOfDirectory(atPath: folder).reduce(into: [:]) { files, name in
            files[name] = try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name))
        }
    }

    @Test func `the built program reads DATA_DIR and ends with the exit code`() async throws {
        try await withFolder { folder async throws in
            #expect(try exitCode(of: ["--help"], folder) == 0)
            #expect(try exitCode(of: [], folder) == 2)
            #expect(try exitCode(of: ["status", "--check"], folder) == 4)
            #expect(try exitCode(of: ["upgrade"], folder) == 0)
            #expect(FileManager.default.fileExists(atPath: folder + "/room-service.db"))
            #expect(try exitCode(of: ["status", "--check"], folder) == 0)
        }
    }

    private func exitCode(of arguments: [String], _ folder: String) throws -> Int32 {
        let program = try BuiltProgram("Migrations", arguments, environment: ["DATA_DIR": folder])
        return program.exitCode
    }
}
