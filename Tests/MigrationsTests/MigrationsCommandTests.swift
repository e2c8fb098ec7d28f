import Foundation
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

            let first = run(folder, "upgrade", "--to", "1")
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
            let result = run(folder, "downgrade", "--to", "0")
            #expect(result.code == .notReversible)
            #expect(result.errors == "Migrations: 001_one cannot be undone\n")
            #expect(run(folder, "status", "--check").code == .done)
        }
    }

    @Test func `each kind of failure has its own exit code`() async throws {
        try await withFolder { folder in
            #expect(run(folder, "upgrade", "--to", "3").code == .usage)
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
            for command in ["upgrade", "downgrade"] {
                let result = run(folder, command, migrations: SQLiteMigrations.all)
                #expect(result.code == .locked)
                #expect(result.errors.contains("room-service.lock is held by process"))
            }
            #expect(run(folder, "status", "--check", migrations: SQLiteMigrations.all).code == .done)
            try await store.ping()
            await store.close()
            #expect(run(folder, "downgrade", migrations: SQLiteMigrations.all).code == .done)
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

    /// Runs the program that was built beside the tests.
    private func exitCode(of arguments: [String], _ folder: String) throws -> Int32 {
        let tests = Bundle.allBundles.map(\.bundleURL).first { $0.pathExtension == "xctest" }
        let products = tests ?? URL(fileURLWithPath: CommandLine.arguments[0])
        let process = Process()
        process.executableURL = products.deletingLastPathComponent().appendingPathComponent("Migrations")
        process.arguments = arguments
        process.environment = ["DATA_DIR": folder]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }
}
