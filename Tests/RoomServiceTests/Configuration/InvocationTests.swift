import Testing

@testable import RoomService

struct InvocationTests {
    @Test func `without arguments it serves`() {
        #expect(Invocation([]) == .serve)
    }

    @Test func `help names every variable with its default, from the same table as the parser`() {
        guard case .print(let help, 0) = Invocation(["--help"]) else {
            Issue.record("--help should print and end with 0")
            return
        }
        let lines = help.split(separator: "\n")
        for variable in SettingVariable.all {
            let line = lines.first { $0.hasPrefix("  \(variable.name) ") }
            #expect(line?.contains("[\(variable.text(Settings()))") == true, "\(variable.name)")
        }
        #expect(help.contains("HEADER_TIMEOUT_SECONDS         for a request's head to arrive [10 seconds]"))
        #expect(help.contains("[512 MiB]"))
        #expect(lines.allSatisfy { $0.count <= 120 })
        #expect(Invocation(["-h"]) == .print(text: help, status: 0))
    }

    @Test func `version is printed`() {
        #expect(Invocation(["--version"]) == .print(text: "RoomService 0.1.0\n", status: 0))
    }

    @Test func `check-config is asked for by an option, beside which nothing else may stand`() {
        #expect(Invocation(["--check-config"]) == .checkConfig)
        let message = "unknown argument 'now'"
        let text = "RoomService: \(message)\n\n\(Invocation.usage)"
        #expect(Invocation(["--check-config", "now"]) == .print(text: text, status: 2))
    }

    @Test(arguments: [(["--port"], "unknown option '--port'"), (["serve"], "unknown argument 'serve'")])
    func `an unknown argument shows the usage and fails with 2`(arguments: [String], message: String) {
        #expect(Invocation(arguments) == .print(text: "RoomService: \(message)\n\n\(Invocation.usage)", status: 2))
        #expect(Invocation.usage.hasPrefix("Usage: RoomService"))
    }
}
