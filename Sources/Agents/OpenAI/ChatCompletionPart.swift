import Primitives

/// What one JSON object of an answer brings: a chunk of a streamed one, or all of one that is not (OpenAI's "Chat completions" reference;
/// the names that DeepSeek, OpenRouter, vLLM and others have added are known, too).
struct ChatCompletionPart {
    var text = ""
    var reasoning = ""
    var toolCalls: [JSONObject] = []
    var finishReason: String?
    var model: String?
    var usage: Usage?

    struct Usage: Equatable {
        var prompt: Int64
        var completion: Int64
        var total: Int64
    }

    /// - Returns: nil when `json` is no such object.
    init?(_ json: JSONObject) {
        guard let choices = json["choices"]?.arrayValue else { return nil }
        model = json["model"]?.stringValue
        usage = json["usage"]?.objectValue.flatMap(Usage.init)
        // Of several answers only the first is asked for.
        guard let choice = choices.first?.objectValue else { return }
        finishReason = choice["finish_reason"]?.stringValue
        guard let message = choice["delta"]?.objectValue ?? choice["message"]?.objectValue else {
            text = choice["text"]?.stringValue ?? ""
            return
        }
        text = Self.text(message["content"]) + (message["refusal"]?.stringValue ?? "")
        reasoning = Self.text(message["reasoning_content"])
        if reasoning.isEmpty { reasoning = Self.text(message["reasoning"]) }
        toolCalls = message["tool_calls"]?.arrayValue?.compactMap(\.objectValue) ?? []
    }

    /// A string, or a list of parts with text.
    private static func text(_ value: JSONValue?) -> String {
        switch value {
        case .string(let text): text
        case .array(let parts): parts.compactMap { $0.objectValue?["text"]?.stringValue }.joined()
        default: ""
        }
    }
}

extension ChatCompletionPart.Usage {
    init?(_ json: JSONObject) {
        prompt = json["prompt_tokens"]?.integerValue ?? 0
        completion = json["completion_tokens"]?.integerValue ?? 0
        total = json["total_tokens"]?.integerValue ?? prompt + completion
        guard total > 0 else { return nil }
    }
}
