import Primitives

extension Settings {
    /// Reads all settings.
    ///
    /// - Returns: the settings, and lines for the operator on variables that have no effect.
    /// - Throws: all faults at once.
    static func load(from source: SettingsSource) throws(SettingsError) -> (settings: Settings, warnings: [String]) {
        var settings = Settings()
        var faults: [String] = []
        if let fault = source.fileFault { faults.append("\(SettingsSource.fileName): \(fault)") }
        for fault in source.file.faults {
            faults.append("\(SettingsSource.fileName), line \(fault.line): \(fault.reason)")
        }
        for variable in SettingVariable.all {
            guard let (value, origin) = source.value(of: variable.name) else { continue }
            if !variable.set(value.trimmingSpaces, &settings) {
                let text = variable.isSecret ? "…" : shown(value)
                faults.append("\(variable.name)=\(text)\(origin): must be \(variable.allowed)")
            }
        }
        if !settings.redisURL.isEmpty, settings.mongoURI.isEmpty {
            faults.append("REDIS_URL: several instances need one store: set MONGODB_URI too")
        }
        var agents = ModelAgents(settings, source)
        faults += agents.read()
        settings.modelAgents = agents.agents
        settings.defaultAgent = agents.defaultName
        guard faults.isEmpty else { throw SettingsError(faults: faults) }
        return (settings, agents.warnings + unknownNames(source.file, besides: agents.keyNames))
    }

    private static func unknownNames(_ file: DotEnv, besides names: [String]) -> [String] {
        let known = Set(SettingVariable.all.map(\.name) + names)
        return file.entries.filter { !known.contains($0.key) }
            .sorted { $0.value.line < $1.value.line }
            .map { "\($0.key) (\(SettingsSource.fileName), line \($0.value.line)): no such setting; it is ignored" }
    }

    private static func shown(_ value: String) -> String {
        let scalars = value.unicodeScalars
        let cut = String(String.UnicodeScalarView(scalars.prefix(shownLength)))
        var bytes: [UInt8] = []
        bytes.append(logEscaping: scalars.count > shownLength ? cut + "…" : cut)
        return "'\(String(decoding: bytes, as: UTF8.self))'"
    }

    private static let shownLength = 80
}
