import Agents
import Primitives
import Testing

@testable import RoomService

struct ModelAgentsTests {
    private func load(_ environment: [String: String]) throws -> (settings: Settings, warnings: [String]) {
        try Settings.load(from: SettingsSource(environment: environment))
    }

    private func faults(_ environment: [String: String]) -> [String] {
        do {
            _ = try load(environment)
            return []
        } catch {
            return (error as? SettingsError)?.faults ?? ["\(error)"]
        }
    }

    // MARK: By OPENAI_…

    @Test func `a model alone is asked at OpenAI's, with the key, and answers as assistant`() throws {
        let (settings, warnings) = try load(["OPENAI_MODEL": "m-1", "OPENAI_API_KEY": " sk-secret "])
        let agent = try #require(settings.modelAgents.first)
        #expect(settings.modelAgents.count == 1 && warnings.isEmpty)
        #expect(agent.endpoint == (try UpstreamEndpoint(baseURL: "https://api.openai.com/v1", key: "sk-secret")))
        #expect(agent.options.name == "assistant" && agent.options.model == "m-1")
        #expect(agent.options.summary == "Asks the model m-1")
        #expect(settings.defaultAgentName == "assistant")
    }

    @Test func `a model is asked where OPENAI_BASE_URL says, with or without a key`() throws {
        let settings = try load(["OPENAI_MODEL": "m-1", "OPENAI_BASE_URL": "http://h:1/v1/"]).settings
        #expect(settings.modelAgents.map(\.endpoint) == [try UpstreamEndpoint(baseURL: "http://h:1/v1")])
    }

    @Test func `what all agents have in common is set by AGENT_…`() throws {
        let agent = try #require(
            try load([
                "OPENAI_MODEL": "m-1", "AGENT_TIMEOUT_SECONDS": "7.5", "AGENT_CONNECT_TIMEOUT_SECONDS": "0.5",
                "AGENT_TOTAL_TIMEOUT_SECONDS": "99", "AGENT_RETRIES": "0", "AGENT_MAX_CONCURRENT": "3",
                "AGENT_MAX_WAITING": "0",
            ]).settings.modelAgents.first
        )
        #expect(agent.options.timeouts.firstToken == 7_500_000_000 && agent.options.timeouts.stall == 7_500_000_000)
        #expect(agent.options.timeouts.connect == 500_000_000 && agent.options.timeouts.total == 99_000_000_000)
        #expect(agent.options.retries == 0 && agent.limits.concurrent == 3 && agent.limits.waiting == 0)
    }

    @Test func `a base URL without a model is refused`() {
        #expect(faults(["OPENAI_BASE_URL": "http://h/v1"]) == ["OPENAI_MODEL: must be set beside OPENAI_BASE_URL"])
    }

    @Test func `a key alone makes no agent, and a warning says so`() throws {
        let (settings, warnings) = try load(["OPENAI_API_KEY": "sk-secret"])
        #expect(settings.modelAgents.isEmpty && settings.defaultAgentName == nil)
        #expect(warnings.count == 1 && warnings[0].hasPrefix("OPENAI_API_KEY alone makes no agent"))
        #expect(!warnings[0].contains("sk-secret"))
    }

    @Test func `nothing set makes no agent, and no warning`() throws {
        let (settings, warnings) = try load(["OPENAI_MODEL": "", "OPENAI_BASE_URL": "", "AGENTS_FILE": ""])
        #expect(settings == Settings() && warnings.isEmpty)
    }

    // MARK: A file that cannot be

    private func fault(_ text: String) throws -> String? {
        let faults = try AgentsFile(text).faults()
        #expect(faults.count == 1)
        return faults.first
    }

    @Test func `a file that is missing, or none, stops the start`() {
        for path in ["/nonexistent/agents.json", "/tmp"] {
            let faults = faults(["AGENTS_FILE": path])
            #expect(faults.count == 1 && faults[0].hasPrefix("AGENTS_FILE \(path): cannot be read: "))
        }
    }

    @Test func `a file that is no JSON is refused with the place, and without its text`() throws {
        let missing = "line 2: is no valid JSON: Expected ',' or '}'"
        #expect(try fault("{\"agents\": [\n{\"name\": \"a\" \"key\": \"sk-secret\"}]}")?.hasSuffix(missing) == true)
        #expect(try fault("")?.hasSuffix("line 1: is no valid JSON: Unexpected end of the text") == true)
        #expect(try fault("\u{FEFF}{}")?.hasSuffix("line 1: is no valid JSON: Expected a value") == true)
    }

    @Test(arguments: [
        "[]", "null", "{}", #"{"agents": {}}"#, #"{"agents": []}"#, #"{"agents": null}"#, #"{"agent": []}"#,
    ])
    func `a file without a list of agents is refused`(text: String) throws {
        #expect(try fault(text)?.contains("must be an object with a list of agents") == true)
    }

    @Test func `a file that is too large is refused`() throws {
        let text = #"{"agents": [{"name": "a", "model": "m"}]}"#
        let space = String(repeating: " ", count: (1 << 20) - text.utf8.count)
        #expect(try AgentsFile(text + space).faults().isEmpty)
        #expect(try fault(text + space + " ") == "is larger than 1048576 bytes")
    }

    @Test func `the file takes the place of the agent that OPENAI_… would make`() throws {
        let file = try AgentsFile(#"{"agents": [{"name": "ada"}, {"name": "bob", "model": "m-2"}]}"#)
        let settings = try file.load(["OPENAI_MODEL": "m-1", "OPENAI_BASE_URL": "http://h/v1", "OPENAI_API_KEY": "k"])
        #expect(settings.modelAgents.map(\.options.name) == ["ada", "bob"])
        #expect(settings.modelAgents.map(\.options.model) == ["m-1", "m-2"])
        let endpoint = try UpstreamEndpoint(baseURL: "http://h/v1", key: "k")
        #expect(settings.modelAgents.map(\.endpoint) == [endpoint, endpoint])
    }
}
