import Glibc
import Primitives

@testable import RoomService

/// A file of agents that is gone when this is.
final class AgentsFile {
    let path: String

    init(_ text: String) throws {
        var template = Array("/tmp/agents-XXXXXX\0".utf8CString)
        let descriptor = mkstemp(&template)
        path = String(decoding: template.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        let bytes = Array(text.utf8)
        guard write(descriptor, bytes, bytes.count) == bytes.count, close(descriptor) == 0 else { throw Unwritten() }
    }

    struct Unwritten: Error {}

    deinit { unlink(path) }

    /// The settings of an environment that names the file.
    func load(_ environment: [String: String] = [:], file: String = "") throws(SettingsError) -> Settings {
        try loadWithWarnings(environment, file: file).settings
    }

    func loadWithWarnings(
        _ environment: [String: String],
        file: String
    ) throws(SettingsError) -> (settings: Settings, warnings: [String]) {
        let environment = environment.merging(["AGENTS_FILE": path]) { $1 }
        return try Settings.load(from: SettingsSource(environment: environment, file: DotEnv(Array(file.utf8))))
    }

    /// All that is wrong, without the file's name.
    func faults(_ environment: [String: String] = [:], file: String = "") -> [String] {
        do throws(SettingsError) {
            _ = try load(environment, file: file)
            return []
        } catch {
            return error.faults.map { $0.replacing("AGENTS_FILE \(path): ", with: "") }
        }
    }
}
