import Primitives
import Storage
import Streaming

/// How a reply ends.
enum ReplyEnd: Sendable, Equatable {
    /// `finishReason`: why the answer has no more, where that is not that all is said: `length`, `content_filter`, …
    case complete(finishReason: String? = nil)
    case cancelled
    case interrupted
    /// `retryAfter`: when trying again makes sense, in seconds, where that is known.
    case failed(code: String, message: String, retryAfter: Int? = nil)

    /// Its terminal event.
    var streamEnd: StreamEnd {
        switch self {
        case .complete: .complete
        case .cancelled: .cancelled
        case .interrupted: .interrupted
        case .failed: .error
        }
    }

    /// The end of an answer as long as one may be, though the agent had more to say.
    static let completeAtLimit = complete(finishReason: "length")

    /// The end of an answer for that `finish_reason`, which need not be told when all is said.
    static func complete(for finishReason: String?) -> ReplyEnd {
        complete(finishReason: finishReason == "stop" ? nil : finishReason)
    }

    var status: Conversation.Status {
        switch self {
        case .complete: .completed
        case .cancelled: .cancelled
        case .interrupted: .interrupted
        case .failed: .failed
        }
    }
}

extension StreamEventEncoder {
    /// The one terminal event of a stream.
    mutating func encodeTerminal(_ end: ReplyEnd, answer: String) {
        let content = JSONObject.Member(key: "content", value: .string(answer))
        switch end {
        case .complete(let finishReason):
            let reason = finishReason.map { JSONObject.Member(key: "finish_reason", value: .string($0)) }
            encode(status: end.streamEnd.rawValue, members: [content] + (reason.map { [$0] } ?? []))
        case .cancelled:
            let message = JSONObject.Member(key: "message", value: "Stream stopped by user")
            encode(status: end.streamEnd.rawValue, members: [message, content])
        case .interrupted:
            let message = JSONObject.Member(key: "message", value: "The stream was interrupted")
            encode(status: end.streamEnd.rawValue, members: [message, content])
        case .failed(let code, let message, let retryAfter):
            var members = [
                JSONObject.Member(key: "error", value: .string(message)),
                JSONObject.Member(key: "error_code", value: .string(code)),
                content,
            ]
            if let retryAfter { members.append(.init(key: "retry_after", value: .integer(Int64(retryAfter)))) }
            encode(status: end.streamEnd.rawValue, members: members)
        }
    }
}
