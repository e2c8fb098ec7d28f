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
        model = Self.word(json["model"])
        usage = json["usage"]?.objectValue.flatMap(Usage.init)
        // Of several answers only the first is asked for.
        guard let choice = choices.first?.objectValue else { return }
        finishReason = Self.word(choice["finish_reason"])
        guard let message = choice["delta"]?.objectValue ?? choice["message"]?.objectValue else {
            text = choice["text"]?.stringValue ?? ""
            return
        }
        text = Self.text(message["content"]) + (message["refusal"]?.stringValue ?? "")
        reasoning = Self.text(message["reasoning_content"])
        if reasoning.isEmpty { reasoning = Self.text(message["reasoning"]) }
        toolCalls = message["tool_calls"]?.arrayValue?.prefix(Self.toolCallLimit).compactMap(\.objectValue) ?? []
    }

    /// What is stored beside the answer is a word, and not whatever a service makes of it.
    private static func word(_ value: JSONValue?) -> String? {
        value?.stringValue.map { String($0.prefix(wordLimit)) }
    }

    private static let wordLimit = 128
    /// Of one object.
    private static let toolCallLimit = 128

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
    /// More than any answer takes: sums of such cannot overflow.
    private static let most: Int64 = 1 << 40

    /// - Returns: nil where nothing is told.
    init?(_ json: JSONObject) {
        let count = { (name: String) in json[name]?.integerValue.flatMap { (0...Self.most).contains($0) ? $0 : nil } }
        prompt = count("prompt_tokens") ?? 0
        completion = count("completion_tokens") ?? 0
        total = count("total_tokens") ?? prompt + completion
        guard total > 0 else { return nil }
    }
}
