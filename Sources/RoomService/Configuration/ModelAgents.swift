import Agents
import Glibc
import Primitives

/// Reads which agents ask models: one by `OPENAI_…`, or those of `AGENTS_FILE`, for which `OPENAI_…` are what they do not say themselves.
struct ModelAgents {
    private(set) var agents: [ModelAgent] = []
    /// Who answers where nobody chooses.
    private(set) var defaultName: String?
    private(set) var warnings: [String] = []
    /// The variables that keys were taken from.
    private(set) var keyNames: [String] = []

    private let settings: Settings
    private let source: SettingsSource

    /// The agent that `OPENAI_…` alone make.
    private static let usualName = "assistant"
    private static let openAI = "https://api.openai.com/v1"
    private static let fileSizeLimit = 1 << 20

    init(_ settings: Settings, _ source: SettingsSource) {
        self.settings = settings
        self.source = source
    }

    /// - Returns: all that is wrong, one line each, without secrets.
    mutating func read() -> [String] {
        if !settings.agentsFile.isEmpty { return readFile() }
        guard !settings.openAIModel.isEmpty || !settings.openAIBaseURL.isEmpty else {
            if !settings.openAIKey.isEmpty {
                warnings.append(
                    "OPENAI_API_KEY alone makes no agent: set OPENAI_MODEL, and OPENAI_BASE_URL where it is not OpenAI's"
                )
            }
            return []
        }
        guard !settings.openAIModel.isEmpty else { return ["OPENAI_MODEL: must be set beside OPENAI_BASE_URL"] }
        return read([["name": .string(Self.usualName)]], of: "OPENAI_BASE_URL")
    }

    private mutating func readFile() -> [String] {
        let place = "AGENTS_FILE \(settings.agentsFile)"
        let bytes: [UInt8]
        do throws(FileContents.Fault) {
            bytes = try FileContents.read(settings.agentsFile, limit: Self.fileSizeLimit)
        } catch {
            return ["\(place): \(error)\(error.number == ENOENT ? Self.whereLookedFor(settings.agentsFile) : "")"]
        }
        let json: JSONValue
        do throws(JSONError) {
            json = try JSONParser.parse(bytes)
        } catch {
            let line = bytes.prefix(error.offset).count { $0 == 0x0A } + 1
            return ["\(place), line \(line): is no valid JSON: \(error.reason)"]
        }
        guard let list = json.objectValue?["agents"]?.arrayValue, !list.isEmpty else {
            return ["\(place): must be an object with a list of agents: {\"agents\": [{\"name\": …}, …]}"]
        }
        var faults = read(list, of: place)
        switch json.objectValue?["default"] {
        case nil, .null?: break
        case .string(let name)? where list.contains { $0.objectValue?["name"] == .string(name) }: defaultName = name
        case let value?:
            let text = String(decoding: value.encoded.prefix(80), as: UTF8.self)
            faults.append("\(place): default: \(text) is the name of none of its agents")
        }
        for key in json.objectValue?.members.map(\.key) ?? [] where key != "agents" && key != "default" {
            faults.append("\(place): \(key): no such member")
        }
        return faults
    }

    /// That of a file which is not there, with what to do, to follow the failure.
    private static func whereLookedFor(_ path: String) -> String {
        let advice = "name a JSON file of agents (docs/agents.md says what is in it), or unset AGENTS_FILE"
        guard !path.hasPrefix("/"), let folder = workingFolder else { return "; \(advice)" }
        return ": looked for as \(folder)/\(path), in the working folder \(folder); \(advice)"
    }

    private static var workingFolder: String? {
        guard let path = getcwd(nil, 0) else { return nil }
        defer { free(path) }
        return String(cString: path)
    }

    private mutating func read(_ list: [JSONValue], of place: String) -> [String] {
        var faults: [String] = []
        var names: Set<String> = []
        for (index, value) in list.enumerated() {
            let here = list.count == 1 && settings.agentsFile.isEmpty ? place : "\(place): agents[\(index)]"
            guard let object = value.objectValue else {
                faults.append("\(here): must be an object")
                continue
            }
            var reader = ModelAgentReader(object, settings, baseURL: Self.openAI, source)
            let agent = reader.read()
            faults += reader.faults.map { "\(here)\($0)" }
            if let name = reader.keyName { keyNames.append(name) }
            if let agent, agent.endpoint.key.isEmpty, agent.endpoint.baseURL == Self.openAI {
                let variable = settings.agentsFile.isEmpty ? "OPENAI_API_KEY" : "OPENAI_API_KEY, or its api_key_env"
                warnings.append("agent '\(agent.options.name)' has no key for OpenAI's API: set \(variable)")
            }
            if let name = reader.name, !names.insert(name).inserted {
                faults.append("\(here).name: '\(name)' is taken by another")
            }
            if let agent { agents.append(agent) }
        }
        return faults
    }
}
