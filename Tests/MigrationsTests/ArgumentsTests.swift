import Primitives
import Testing

@testable import Migrations

@Suite struct `The command line of Migrations` {
    @Test func `commands and options are understood in any order`() throws {
        let upgrade = try Arguments(
            ["--data-dir", "/x", "upgrade", "--to", "3"],
            settings: SettingsSource(environment: ["DATA_DIR": "/y"])
        )
        #expect(upgrade.command == .upgrade(to: 3))
        #expect(upgrade.directory == "/x")
        #expect(try Arguments(["downgrade"], settings: SettingsSource(environment: [:])).command == .downgrade(to: nil))
        #expect(
            try Arguments(["status", "--check"], settings: SettingsSource(environment: [:])).command
                == .status(check: true)
        )
        #expect(try Arguments(["status"], settings: SettingsSource(environment: [:])).command == .status(check: false))
        #expect(try Arguments(["upgrade", "--help"], settings: SettingsSource(environment: [:])).command == .help)
    }

    @Test func `the folder is the option's, the environment's, or data`() throws {
        #expect(try Arguments(["status"], settings: SettingsSource(environment: ["DATA_DIR": "/y"])).directory == "/y")
        #expect(
            try Arguments(["status"], settings: SettingsSource(environment: ["DATA_DIR": ""])).directory == "./data"
        )
        #expect(try Arguments(["status"], settings: SettingsSource(environment: [:])).directory == "./data")
    }

    @Test(arguments: [
        [], ["sideways"], ["upgrade", "downgrade"], ["upgrade", "--to"], ["upgrade", "--to", "x"],
        ["upgrade", "--to", "-1"], ["upgrade", "--check"], ["status", "--to", "1"], ["status", "--data-dir"],
        ["--force", "upgrade"],
    ])
    func `what makes no sense is refused with the usage`(arguments: [String]) {
        let result = MigrationsCommand.run(arguments: arguments)
        #expect(result.code == .usage)
        #expect(result.output == "")
        #expect(result.errors.hasPrefix("Migrations: "))
        #expect(result.errors.hasSuffix(Arguments.usage))
    }
}
