import Foundation

/// A running process of a program that was built beside the tests.
struct BuiltProgram {
    let process = Process()
    private let output = Pipe()

    init(_ name: String, _ arguments: [String], environment: [String: String] = [:]) throws {
        let tests = Bundle.allBundles.map(\.bundleURL).first { $0.pathExtension == "xctest" }
        let products = tests ?? URL(fileURLWithPath: CommandLine.arguments[0])
        process.executableURL = products.deletingLastPathComponent().appendingPathComponent(name)
        process.arguments = arguments
        // A crash is to end the program at once: the backtracer has been seen to wait for ever, and its pipe with it. And
        // libmongoc is not to leave counters in shared memory, nor to complain of those that a killed program has left.
        let quiet = ["SWIFT_BACKTRACE": "enable=no", "MONGOC_DISABLE_SHM": "1"]
        process.environment = environment.merging(quiet) { $1 }
        process.standardOutput = output
        process.standardError = output
        try process.run()
    }

    /// Waits for the end.
    var exitCode: Int32 {
        process.waitUntilExit()
        return process.terminationStatus
    }

    /// What it has printed, to the end of it.
    var text: String { String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self) }

    /// Waits until it prints something.
    func firstOutput() -> String { String(decoding: output.fileHandleForReading.availableData, as: UTF8.self) }

    /// As the system does when memory runs out: the program cannot do anything about it.
    func kill() {
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }
}
