import HTTPServer
import Primitives
import Streaming

/// An answer as OpenAI's clients see it, as far as it is known from the start.
struct Completion: Sendable {
    let id: String
    let created: Timestamp
    let model: String
    let outcome: AnswerOutcome

    /// - Parameter outcome: where it is told how the answer of `stream` ends.
    init(_ stream: LiveStream, outcome: AnswerOutcome) {
        id = "chatcmpl-" + stream.id.dropFirst("stream_".count)
        created = stream.startedAt
        model = stream.agentType
        self.outcome = outcome
    }

    /// The members that the whole answer and each chunk of it begin with.
    func json(_ object: StaticString) -> JSONObject {
        [
            "id": .string(id),
            "object": .string("\(object)"),
            "created": .integer(created.milliseconds / 1000),
            "model": .string(model),
        ]
    }

    /// The whole answer, once it has ended.
    ///
    /// - Throws: why there is none.
    func whole() throws(APIError) -> JSONObject {
        guard let ended = outcome.ended else { throw .internalError }
        // Whoever stopped it wants what there is.
        if ended.end != .cancelled, let error = ended.end.apiError { throw error }
        var json = json("chat.completion")
        json["choices"] = [
            [
                "index": 0,
                "message": ["role": "assistant", "content": .string(ended.text), "refusal": nil],
                "logprobs": nil,
                "finish_reason": .string(ended.finishReason),
            ]
        ]
        json["usage"] = ended.usage
        return json
    }
}

extension AnswerOutcome.Ended {
    var finishReason: String {
        guard case .complete(let reason?) = end else { return "stop" }
        // Calls of tools are not passed on here, and a client would look for them.
        return reason == "tool_calls" || reason == "function_call" ? "stop" : reason
    }

    /// What the agent has told of the tokens; null where it has told nothing.
    var usage: JSONValue {
        let count = { (name: String) in metadata[name]?.integerValue }
        let (prompt, completion, used) = (count("prompt_tokens"), count("completion_tokens"), count("tokens_used"))
        guard prompt != nil || completion != nil || used != nil else { return .null }
        let total = used ?? (prompt ?? 0) + (completion ?? 0)
        return [
            "prompt_tokens": .integer(prompt ?? 0),
            "completion_tokens": .integer(completion ?? max(0, total - (prompt ?? 0))),
            "total_tokens": .integer(total),
        ]
    }
}

extension ReplyEnd {
    /// What a client is told of an answer that is not complete.
    var apiError: APIError? {
        switch self {
        case .complete: return nil
        case .cancelled: return APIError(.conflict, "CANCELLED", "The answer was stopped")
        case .interrupted:
            var error = APIError(.serviceUnavailable, "INTERRUPTED", "The answer was interrupted. Please try again.")
            error.retryAfter = 2
            return error
        case .failed(let code, let message, let retryAfter):
            var error = APIError(Self.status(ofFailure: code), code, message)
            error.retryAfter = retryAfter ?? (error.isPassing ? 1 : nil)
            return error
        }
    }

    private static func status(ofFailure code: String) -> HTTPStatus {
        switch code {
        case "AGENT_RATE_LIMITED": .tooManyRequests
        case "AGENT_REJECTED": .badRequest
        case "AGENT_TIMEOUT": .gatewayTimeout
        case "AGENT_PROTOCOL": .badGateway
        case "AGENT_UNAVAILABLE", "UNAVAILABLE": .serviceUnavailable
        default: .internalServerError
        }
    }
}
