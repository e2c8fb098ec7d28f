import Primitives

/// The body of a `POST …/chat/completions`.
struct ChatCompletionRequest {
    let options: OpenAIAgentOptions
    let prompt: AgentPrompt

    var json: JSONObject {
        var json: JSONObject = ["model": .string(options.model), "messages": .array(messages)]
        if let temperature = options.temperature { json["temperature"] = .double(temperature) }
        if let limit = options.maxTokens { json["max_tokens"] = .integer(Int64(limit)) }
        // What a request asks for comes before what is set for all, but for the limit, which holds for all.
        for member in prompt.parameters.members {
            if member.key == "max_completion_tokens" { json["max_tokens"] = nil }
            json[member.key] = Self.limits.contains(member.key) ? limited(member.value) : member.value
        }
        json["stream"] = true
        if options.asksForUsage { json["stream_options"] = ["include_usage": true] }
        return json
    }

    private static let limits = ["max_tokens", "max_completion_tokens"]

    private func limited(_ count: JSONValue) -> JSONValue {
        guard let limit = options.maxTokens, let asked = count.doubleValue, asked > Double(limit) else { return count }
        return .integer(Int64(limit))
    }

    private var messages: [JSONValue] {
        var messages: [JSONValue] = []
        let system = options.systemPrompt.filled(userProfile: prompt.userProfile, context: prompt.requestContext)
        for text in [system] + prompt.instructions where !text.isEmpty { messages.append(message("system", text)) }
        // An answer that never began would make two questions in a row, which some models refuse.
        for turn in prompt.context where !turn.answer.isEmpty {
            if !turn.question.isEmpty { messages.append(message("user", turn.question)) }
            messages.append(message("assistant", turn.answer))
        }
        messages.append(message("user", prompt.question))
        return messages
    }

    private func message(_ role: String, _ text: String) -> JSONValue {
        ["role": .string(role), "content": .string(text)]
    }
}
