import Agents
import Primitives
import Testing

@testable import RoomService

struct ModelAgentFileTests {
    /// A file of such agents.
    private func file(_ agents: JSONValue..., others: JSONObject = [:]) throws -> AgentsFile {
        var json = others
        json["agents"] = .array(agents)
        return try AgentsFile(String(decoding: JSONValue.object(json).encoded, as: UTF8.self))
    }

    private func agent(_ members: JSONObject, _ environment: [String: String] = [:]) throws -> ModelAgent {
        var members = members
        if members["name"] == nil { members["name"] = "ada" }
        return try #require(try file(.object(members)).load(environment).modelAgents.first)
    }

    /// Those of one agent.
    private func faults(_ members: JSONObject, _ environment: [String: String] = [:]) throws -> [String] {
        var members = members
        if members["name"] == nil { members["name"] = "ada" }
        if members["model"] == nil { members["model"] = "m" }
        return try file(.object(members)).faults(environment)
    }

    // MARK: Members

    @Test func `what an agent does not say is the default`() throws {
        let agent = try agent(["model": "m-1"])
        var options = OpenAIAgentOptions(
            name: "ada",
            summary: "Asks the model m-1",
            model: "m-1",
            systemPrompt: try PromptTemplate("")
        )
        options.timeouts.connect = 5_000_000_000
        options.timeouts.firstToken = 30_000_000_000
        options.timeouts.stall = 30_000_000_000
        options.timeouts.total = 600_000_000_000
        options.retries = 2
        #expect(agent.options == options)
        #expect(agent.options.temperature == nil && agent.options.maxTokens == nil && agent.options.asksForUsage)
        #expect(agent.limits.concurrent == 1000 && agent.limits.waiting == 1000)
        #expect(agent.limits.breakerFailures == 5 && agent.limits.breakerTime == 10_000_000_000)
        #expect(agent.endpoint == (try UpstreamEndpoint(baseURL: "https://api.openai.com/v1")))
    }

    @Test func `every member sets something, in its unit`() throws {
        let authorities = try AgentsFile("-----BEGIN CERTIFICATE-----")
        let agent = try agent(
            [
                "name": "ada", "model": "m-1", "description": "Knows all.",
                "system_prompt": "Hello {{user_profile.name}}",
                "base_url": "https://h/v1", "api_key_env": "ADA_KEY", "ca_file": .string(authorities.path),
                "temperature": 0.5, "max_tokens": 100, "stream_usage": false, "retries": 10,
                "connect_timeout_seconds": 0.1, "first_token_timeout_seconds": 1, "stall_timeout_seconds": 2.5,
                "total_timeout_seconds": 604_800, "max_concurrent": 1, "max_waiting": 0, "breaker_failures": 1000,
                "breaker_seconds": 0.25,
            ],
            ["ADA_KEY": " sk-ada ", "OPENAI_API_KEY": "sk-other", "OPENAI_MODEL": "m-2", "AGENT_RETRIES": "1"]
        )
        var options = OpenAIAgentOptions(
            name: "ada",
            summary: "Knows all.",
            model: "m-1",
            systemPrompt: try PromptTemplate("Hello {{user_profile.name}}")
        )
        (options.temperature, options.maxTokens, options.asksForUsage, options.retries) = (0.5, 100, false, 10)
        options.timeouts.connect = 100_000_000
        options.timeouts.firstToken = 1_000_000_000
        options.timeouts.stall = 2_500_000_000
        options.timeouts.total = 604_800_000_000_000
        #expect(agent.options == options)
        #expect(agent.limits.concurrent == 1 && agent.limits.waiting == 0)
        #expect(agent.limits.breakerFailures == 1000 && agent.limits.breakerTime == 250_000_000)
        let endpoint = try UpstreamEndpoint(baseURL: "https://h/v1", key: "sk-ada", authorities: authorities.path)
        #expect(agent.endpoint == endpoint)
    }

    @Test func `a member that is null is one that is not there`() throws {
        let names = [
            "description", "system_prompt", "base_url", "api_key_env", "ca_file", "temperature", "max_tokens",
            "stream_usage", "retries", "connect_timeout_seconds", "first_token_timeout_seconds",
            "stall_timeout_seconds",
            "total_timeout_seconds", "max_concurrent", "max_waiting", "breaker_failures", "breaker_seconds",
        ]
        var members = JSONObject(names.map { JSONObject.Member(key: $0, value: .null) })
        members["model"] = "m"
        #expect(try agent(members) == agent(["model": "m"]))
    }

    // MARK: Faults

    @Test(
        arguments: [
            ("name", [5, true, "", "auto", "a b", "a/b", "é", "a\n", .string(String(repeating: "x", count: 65))]),
            ("model", [5, ["m"], ""]), ("description", [1]), ("system_prompt", [1, "{{", "{{name}}"]),
            ("base_url", [1, "", "h/v1", "ftp://h", "http://", "http://h/v1?x=y", "http://h /"]),
            ("api_key_env", [1, "", "NOT_SET", "EMPTY", "SPACED"]), ("ca_file", [1, "", "/nonexistent/ca.pem"]),
            ("temperature", ["1", -0.1, 2.1, true]), ("max_tokens", [0, -1, 1.5, "5", 1e9, 10_000_001]),
            ("stream_usage", [1, "yes"]), ("retries", [-1, 11, 0.5]), ("connect_timeout_seconds", [0, 301, "5"]),
            ("first_token_timeout_seconds", [0, 0.09, 604_801, -1]), ("stall_timeout_seconds", [0, "x"]),
            ("total_timeout_seconds", [0, 1e300]), ("max_concurrent", [0, 1_000_001, 2.5]), ("max_waiting", [-1, 1e2]),
            ("breaker_failures", [0, 1001]), ("breaker_seconds", [0, false]),
        ] as [(String, [JSONValue])]
    )
    func `a value that is not allowed is refused with its place`(name: String, values: [JSONValue]) throws {
        for value in values {
            let faults = try faults([name: value], ["EMPTY": " ", "SPACED": "sk secret"])
            #expect(!faults.isEmpty && faults.allSatisfy { $0.hasPrefix("agents[0].\(name): ") }, "\(value): \(faults)")
            #expect(!faults.contains { $0.contains("secret") })
        }
    }

    @Test func `all faults of all agents are told at once, each with its place`() throws {
        let file = try file(
            ["name": "ada", "model": "m", "temperature": 3, "retries": -1],
            "bob",
            ["name": "eve", "colour": "red", "Model": "m"],
            ["model": "m"],
            ["name": "ada", "model": "m"],
            others: ["default": "nobody", "version": 1]
        )
        #expect(
            file.faults() == [
                "agents[0].temperature: must be a number from 0.0 to 2.0",
                "agents[0].retries: must be a whole number from 0 to 10", "agents[1]: must be an object",
                "agents[2].model: must be set, or OPENAI_MODEL", "agents[2].colour: no such member",
                "agents[2].Model: no such member",
                "agents[3].name: must be set: the agent_type by which it is chosen",
                "agents[4].name: 'ada' is taken by another", "default: \"nobody\" is the name of none of its agents",
                "version: no such member",
            ]
        )
    }

    @Test func `a name is taken once`() throws {
        let file = try file(
            ["name": "ada", "model": "m"],
            ["name": "Ada", "model": "m"],
            ["name": "ada", "model": "m"]
        )
        #expect(file.faults() == ["agents[2].name: 'ada' is taken by another"])
    }

    @Test func `the default is the first where none is named, and must be one of them`() throws {
        let agents: [JSONValue] = [["name": "ada", "model": "m"], ["name": "bob", "model": "m"]]
        #expect(try file(agents[0], agents[1]).load().defaultAgentName == "ada")
        #expect(try file(agents[0], agents[1], others: ["default": "bob"]).load().defaultAgentName == "bob")
        #expect(try file(agents[0], agents[1], others: ["default": nil]).load().defaultAgentName == "ada")
        for name in ["eve", "", "Ada", 5, ["ada"]] as [JSONValue] {
            #expect(try file(agents[0], others: ["default": name]).faults().first?.hasPrefix("default: ") == true)
        }
    }

    // MARK: Keys

    @Test func `the key for OPENAI_BASE_URL goes to no other address`() throws {
        let environment = ["OPENAI_API_KEY": "sk-secret", "OPENAI_BASE_URL": "http://h/v1", "OPENAI_MODEL": "m"]
        let file = try file(
            ["name": "a"],
            ["name": "b", "base_url": "http://other/v1"],
            ["name": "c", "base_url": "http://h/v2"],
            ["name": "d", "base_url": "http://other/v1", "api_key_env": "D_KEY"]
        )
        let agents = try file.load(environment.merging(["D_KEY": "sk-d"]) { $1 }).modelAgents
        #expect(agents.map(\.endpoint.key) == ["sk-secret", "", "", "sk-d"])
        #expect(agents.map(\.endpoint.baseURL) == ["http://h/v1", "http://other/v1", "http://h/v2", "http://other/v1"])
    }

    @Test func `a key that stands where the name of its variable should is not shown`() throws {
        for key in ["sk-secret", "a1b2c3secret", "secret with spaces"] {
            let faults = try faults(["api_key_env": .string(key), "temperature": 5])
            #expect(faults.count == 2)
            #expect(!faults.contains { $0.contains("secret") }, "\(faults)")
        }
    }

    @Test func `a key is never in a message, whatever else is wrong`() throws {
        let environment = ["OPENAI_API_KEY": "sk-secret", "ADA_KEY": "secret\u{1}x", "BOB_KEY": "sk-secret-2"]
        let file = try file(
            ["name": "ada", "model": "m", "api_key_env": "ADA_KEY", "base_url": "x://u:secret@h"],
            ["name": "bob", "api_key_env": "BOB_KEY", "base_url": "http://u:secret@/", "api_key": "sk-secret-3"]
        )
        let faults = file.faults(environment)
        #expect(faults.count == 5)
        #expect(!faults.contains { $0.contains("secret") }, "\(faults)")
    }

    @Test func `variables that hold keys may stand in the file of settings, and are no unknown ones`() throws {
        let file = try file(
            ["name": "a", "model": "m", "api_key_env": "A_KEY"],
            ["name": "b", "model": "m", "api_key_env": "B_KEY"]
        )
        let (settings, warnings) = try file.loadWithWarnings(
            ["B_KEY": "from-the-environment"],
            file: "A_KEY=from-the-file\nB_KEY=hidden\nC_KEY=unknown\n"
        )
        #expect(settings.modelAgents.map(\.endpoint.key) == ["from-the-file", "from-the-environment"])
        #expect(warnings == ["C_KEY (.env, line 3): no such setting; it is ignored"])
    }
}
