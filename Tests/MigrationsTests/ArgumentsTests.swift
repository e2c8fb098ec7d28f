import Primitives
import Storage
import Testing

@testable import Migrations

@Suite struct `The command line of Migrations` {
    private static func parse(_ arguments: String..., environment: [String: String] = [:]) throws -> Arguments {
        try Arguments(arguments, settings: SettingsSource(environment: environment))
    }

    @Test(arguments: [
        (["upgrade"], MigrationRequest.upgrade(.head)), (["upgrade", "head"], .upgrade(.head)),
        (["upgrade", "+2"], .upgrade(.steps(2))), (["upgrade", "003"], .upgrade(.number(3))),
        (["downgrade"], .downgrade(.steps(1))), (["downgrade", "-2"], .downgrade(.steps(2))),
        (["downgrade", "base"], .downgrade(.base)), (["downgrade", "1"], .downgrade(.number(1))),
        (["stamp", "001"], .stamp(1)),
    ])
    func `a target is the head, the base, a number, or so many steps`(
        arguments: [String],
        request: MigrationRequest
    ) throws {
        let parsed = try Arguments(arguments, settings: SettingsSource(environment: [:]))
        #expect(parsed.command == .run(request))
        #expect(!parsed.isDryRun)
        #expect(parsed.lockTimeout == 10)
    }

    @Test func `commands and options are understood in any order`() throws {
        let upgrade = try Self.parse("--json", "upgrade", "--lock-timeout", "3", "+1", "--dry-run", "--quiet")
        #expect(upgrade.command == .run(.upgrade(.steps(1))))
        #expect(upgrade.isJSON && upgrade.isDryRun && upgrade.isQuiet)
        #expect(upgrade.lockTimeout == 3)
        #expect(try Self.parse("status", "--check").command == .status(check: true))
        #expect(try Self.parse("status").command == .status(check: false))
        #expect(try Self.parse("history").command == .history)
        #expect(try Self.parse("verify").command == .verify)
        #expect(try Self.parse("unlock", "--force").command == .unlock)
        #expect(try Self.parse("upgrade", "--help").command == .help)
        #expect(try Self.parse("--help").command == .help)
    }

    @Test func `the store is the option's folder, MongoDB, the environment's folder, or data`() throws {
        let mongo = ["MONGODB_URI": "mongodb://h", "DATA_DIR": "/y"]
        #expect(
            try Self.parse("status", environment: mongo).store == .mongoDB(uri: "mongodb://h", database: "careguide")
        )
        let named = mongo.merging(["MONGODB_DB_NAME": "db"]) { $1 }
        #expect(try Self.parse("status", environment: named).store == .mongoDB(uri: "mongodb://h", database: "db"))
        #expect(
            try Self.parse("status", "--data-dir", "/x", environment: mongo).store == .embedded(directory: "/x")
        )
        let folder = ["MONGODB_URI": "", "DATA_DIR": "/y"]
        #expect(try Self.parse("status", environment: folder).store == .embedded(directory: "/y"))
        #expect(try Self.parse("status", environment: ["DATA_DIR": ""]).store == .embedded(directory: "./data"))
    }

    @Test(arguments: [
        [], ["sideways"], ["upgrade", "downgrade"], ["upgrade", "-1"], ["upgrade", "x"], ["upgrade", "+0"],
        ["upgrade", "base"], ["upgrade", "1", "2"], ["upgrade", "--check"], ["downgrade", "head"], ["downgrade", "+1"],
        ["status", "1"], ["status", "--data-dir"], ["status", "--dry-run"], ["stamp"], ["stamp", "head"], ["unlock"],
        ["upgrade", "--force"], ["upgrade", "--lock-timeout"], ["upgrade", "--lock-timeout", "-1"],
        ["--to", "upgrade"],
    ])
    func `what makes no sense is refused with the usage`(arguments: [String]) {
        let result = MigrationsCommand.run(arguments: arguments)
        #expect(result.code == .usage)
        #expect(result.output == "")
        #expect(result.errors.hasPrefix("Migrations: "))
        #expect(result.errors.hasSuffix(Arguments.usage))
    }
}
