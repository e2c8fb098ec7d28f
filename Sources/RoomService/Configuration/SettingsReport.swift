import Primitives
import Storage

/// What `--check-config` says of settings that are valid.
struct SettingsReport {
    /// Each setting with its value, and where that comes from; then who answers.
    let text: String
    /// What may be in the way of a start, as far as it can be told without changing or asking anything.
    let warnings: [String]

    init(_ settings: Settings, source: SettingsSource) {
        let lines = SettingVariable.all.map { variable in
            let value = variable.text(settings)
            let shown = variable.isSecret && !value.isEmpty ? "…" : Self.printable(value)
            return (text: "\(variable.name)=\(shown)", origin: Self.origin(of: variable.name, source))
        }
        let width = lines.map { min($0.text.count, Self.widest) }.max() ?? 0
        let list = lines.map { line in
            line.text + String(repeating: " ", count: max(0, width - line.text.count)) + "  # \(line.origin)\n"
        }
        let agents = settings.modelAgents.map { agent in
            "# agent \(Self.printable(agent.options.name)): \(Self.printable(agent.options.model)) at \(agent.endpoint.shownURL)\n"
        }
        text = """
            # The settings are valid. Ports, servers and models have not been asked.
            \(list.joined())\(agents.isEmpty ? "# agent: the built-in demo agent\n" : agents.joined())
            """
        warnings = Self.obstacles(settings)
    }

    private static let widest = 48

    private static func origin(of name: String, _ source: SettingsSource) -> String {
        guard let origin = source.value(of: name)?.origin else { return "default" }
        return origin.isEmpty ? "environment" : String(origin.dropFirst(2).dropLast())
    }

    private static func obstacles(_ settings: Settings) -> [String] {
        guard settings.mongoURI.isEmpty, let obstacle = SQLiteFolder(path: settings.dataDirectory).obstacle else {
            return []
        }
        return ["DATA_DIR: \(obstacle)"]
    }

    private static func printable(_ text: String) -> String {
        var bytes: [UInt8] = []
        bytes.append(logEscaping: text)
        return String(decoding: bytes, as: UTF8.self)
    }
}
