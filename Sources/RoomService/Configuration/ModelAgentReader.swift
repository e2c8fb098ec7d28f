import Agents
import Primitives

/// Reads one agent of `AGENTS_FILE`, and gathers all that is wrong with it.
struct ModelAgentReader {
    /// Each to follow the agent's place in the file.
    private(set) var faults: [String] = []
    /// The agent's name, where it has one that may be.
    private(set) var name: String?
    /// The variable that the key is taken from, where it is the agent's own.
    private(set) var keyName: String?

    private let json: JSONObject
    private let settings: Settings
    private let usualBaseURL: String
    private let source: SettingsSource
    private var known: Set<String> = []

    init(_ json: JSONObject, _ settings: Settings, baseURL: String, _ source: SettingsSource) {
        self.json = json
        self.settings = settings
        usualBaseURL = settings.openAIBaseURL.isEmpty ? baseURL : settings.openAIBaseURL
        self.source = source
    }

    /// - Returns: nil when it cannot be made; `faults` say why.
    mutating func read() -> ModelAgent? {
        readName()
        let model = text("model") ?? settings.openAIModel
        if model.isEmpty { add("model", "must be set, or OPENAI_MODEL") }
        let summary = text("description") ?? "Asks the model \(model)"
        var options = OpenAIAgentOptions(name: name ?? "", summary: summary, model: model, systemPrompt: template())
        options.temperature = number("temperature", 0...2)
        options.maxTokens = integer("max_tokens", 1...10_000_000)
        options.asksForUsage = bool("stream_usage") ?? true
        options.retries = integer("retries", 0...10) ?? settings.agentRetries
        options.timeouts.connect =
            seconds("connect_timeout_seconds", 0.1...300) ?? nanoseconds(settings.agentConnectTimeout)
        options.timeouts.firstToken = seconds("first_token_timeout_seconds") ?? nanoseconds(settings.agentTimeout)
        options.timeouts.stall = seconds("stall_timeout_seconds") ?? nanoseconds(settings.agentTimeout)
        options.timeouts.total = seconds("total_timeout_seconds") ?? nanoseconds(settings.agentTotalTimeout)
        var limits = Upstream.Limits()
        limits.concurrent = integer("max_concurrent", 1...1_000_000) ?? settings.agentMaxConcurrent
        limits.waiting = integer("max_waiting", 0...1_000_000) ?? settings.agentMaxWaiting
        limits.breakerFailures = integer("breaker_failures", 1...1000) ?? limits.breakerFailures
        limits.breakerTime = seconds("breaker_seconds") ?? limits.breakerTime
        let endpoint = endpoint()
        for member in json.members where !known.contains(member.key) {
            let hint = member.key == "api_key" ? "; api_key_env names the variable that holds the key" : ""
            add(member.key, "no such member\(hint)")
        }
        return endpoint.map { ModelAgent(options: options, endpoint: $0, limits: limits) }
    }

    private mutating func readName() {
        guard let text = text("name"), !text.isEmpty else {
            add("name", "must be set: the agent_type by which it is chosen")
            return
        }
        let isFit = text.utf8.count <= 64 && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") }
        if !isFit {
            add("name", "must be at most 64 ASCII characters without spaces and '/'")
        } else if text == AgentRegistry.automatic {
            add("name", "'auto' leaves the choice to the service, and names no agent")
        } else {
            name = text
        }
    }

    private mutating func endpoint() -> UpstreamEndpoint? {
        let ownURL = text("base_url")
        let authorities = text("ca_file")
        if let authorities { checkAuthorities(authorities) }
        let key = key(hasOwnURL: ownURL != nil)
        do throws(UpstreamEndpoint.Fault) {
            return try UpstreamEndpoint(baseURL: ownURL ?? usualBaseURL, key: key, authorities: authorities)
        } catch {
            add("base_url", error.description)
            return nil
        }
    }

    private mutating func checkAuthorities(_ path: String) {
        do throws(FileContents.Fault) {
            let bytes = try FileContents.read(path, limit: 16 << 20)
            guard !String(decoding: bytes, as: UTF8.self).contains("-----BEGIN CERTIFICATE-----") else { return }
            add("ca_file", "'\(path)' has no certificate in it (in PEM)")
        } catch {
            add("ca_file", "'\(path)' \(error)")
        }
    }

    /// The key for `OPENAI_BASE_URL` goes to nobody else. The variable's name is not shown: it may be the key itself, by mistake.
    private mutating func key(hasOwnURL: Bool) -> String {
        guard let variable = text("api_key_env") else { return hasOwnURL ? "" : settings.openAIKey }
        keyName = variable
        guard let key = source.value(of: variable)?.value.trimming({ $0 == " " }), !key.isEmpty else {
            add("api_key_env", "must name a variable that is set and holds the key")
            return ""
        }
        guard UpstreamEndpoint.isKey(String(key)) else {
            add("api_key_env", "what that variable holds is no key: it has spaces or other such characters")
            return ""
        }
        return String(key)
    }

    private mutating func template() -> PromptTemplate {
        do throws(PromptTemplate.Fault) {
            return try PromptTemplate(text("system_prompt") ?? "")
        } catch {
            add("system_prompt", error.description)
            return .empty
        }
    }

    // MARK: Members

    private mutating func add(_ name: String, _ fault: String) { faults.append(".\(name): \(fault)") }

    private mutating func member(_ name: String) -> JSONValue? {
        known.insert(name)
        return json[name] == .null ? nil : json[name]
    }

    private mutating func text(_ name: String) -> String? {
        guard let value = member(name) else { return nil }
        if value.stringValue == nil { add(name, "must be a string") }
        return value.stringValue
    }

    private mutating func bool(_ name: String) -> Bool? {
        guard let value = member(name) else { return nil }
        if value.boolValue == nil { add(name, "must be true or false") }
        return value.boolValue
    }

    private mutating func number(_ name: String, _ range: ClosedRange<Double>) -> Double? {
        guard let value = member(name) else { return nil }
        guard let number = value.doubleValue, range.contains(number) else {
            add(name, "must be a number from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return number
    }

    private mutating func integer(_ name: String, _ range: ClosedRange<Int>) -> Int? {
        guard let value = member(name) else { return nil }
        guard let number = value.integerValue.map(Int.init), range.contains(number) else {
            add(name, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return number
    }

    /// In nanoseconds.
    private mutating func seconds(_ name: String, _ range: ClosedRange<Double> = 0.1...604_800) -> Int64? {
        number(name, range).map { Int64($0 * 1e9) }
    }

    private func nanoseconds(_ duration: Duration) -> Int64 { duration.wholeNanoseconds }
}
