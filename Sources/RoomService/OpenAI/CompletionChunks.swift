import Primitives
import Streaming

/// Writes an answer as the chunks of a streamed chat completion: `data: {"object":"chat.completion.chunk",…}`.
struct CompletionChunks: AnswerEncoder {
    private let completion: Completion
    private let includesUsage: Bool
    /// What each chunk with a choice has before and behind the `delta`'s members.
    private let prefix: [UInt8]
    private let suffix: [UInt8]

    init(_ completion: Completion, includesUsage: Bool) {
        self.completion = completion
        self.includesUsage = includesUsage
        var prefix = Self.opening(of: completion)
        prefix.append(ascii: ",\"choices\":[{\"index\":0,\"delta\":{")
        self.prefix = prefix
        // Who wants the usage expects the member everywhere.
        suffix = Array((includesUsage ? "}],\"usage\":null}\n\n" : "}]}\n\n").utf8)
    }

    /// An event up to the members that all chunks have.
    private static func opening(of completion: Completion) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(ascii: "data: ")
        bytes.append(json: .object(completion.json("chat.completion.chunk")))
        bytes.removeLast()
        return bytes
    }

    func appendBeginning(to bytes: inout [UInt8]) {
        bytes += prefix
        bytes.append(ascii: "\"role\":\"assistant\",\"content\":\"\",\"refusal\":null")
        closeChoice(finishReason: .null, in: &bytes)
    }

    func append(_ text: [UInt8], to bytes: inout [UInt8]) {
        bytes += prefix
        bytes.append(ascii: "\"content\":\"")
        bytes.append(jsonEscaping: text)
        bytes.append(UInt8(ascii: "\""))
        closeChoice(finishReason: .null, in: &bytes)
    }

    func appendEnd(to bytes: inout [UInt8]) {
        guard let ended = completion.outcome.ended else { return append(.internalError, to: &bytes) }
        // A client takes this for a failure of the whole answer.
        if let error = ended.end.apiError { return append(error, to: &bytes) }
        bytes += prefix
        closeChoice(finishReason: .string(ended.finishReason), in: &bytes)
        if includesUsage, ended.usage != .null {
            bytes += Self.opening(of: completion)
            bytes.append(ascii: ",\"choices\":[],\"usage\":")
            bytes.append(json: ended.usage)
            bytes.append(ascii: "}\n\n")
        }
        bytes.append(ascii: "data: [DONE]\n\n")
    }

    private func closeChoice(finishReason: JSONValue, in bytes: inout [UInt8]) {
        bytes.append(ascii: "},\"logprobs\":null,\"finish_reason\":")
        bytes.append(json: finishReason)
        bytes += suffix
    }

    private func append(_ error: APIError, to bytes: inout [UInt8]) {
        bytes.append(ascii: "data: ")
        bytes.append(json: .object(OpenAIError.json(error)))
        bytes.append(ascii: "\n\n")
    }
}
