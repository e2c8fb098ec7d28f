import Primitives
import Storage
import Streaming

/// How a reply ends.
enum ReplyEnd: Sendable, Equatable {
    case complete
    /// At the longest answer that there may be, though the agent had more to say.
    case completeAtLimit
    case cancelled
    case interrupted
    case failed(code: String, message: String)

    /// Its terminal event.
    var streamEnd: StreamEnd {
        switch self {
        case .complete, .completeAtLimit: .complete
        case .cancelled: .cancelled
        case .interrupted: .interrupted
        case .failed: .error
        }
    }

    /// The `finish_reason` of an answer that was cut at the limit, in the terminal event and in the metadata.
    static let limitReason = "length"

    var status: Conversation.Status {
        switch self {
        case .complete, .completeAtLimit: .completed
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
        case .complete:
            encode(status: end.streamEnd.rawValue, members: [content])
        case .completeAtLimit:
            let reason = JSONObject.Member(key: "finish_reason", value: .string(ReplyEnd.limitReason))
            encode(status: end.streamEnd.rawValue, members: [content, reason])
        case .cancelled:
            let message = JSONObject.Member(key: "message", value: "Stream stopped by user")
            encode(status: end.streamEnd.rawValue, members: [message, content])
        case .interrupted:
            let message = JSONObject.Member(key: "message", value: "The stream was interrupted")
            encode(status: end.streamEnd.rawValue, members: [message, content])
        case .failed(let code, let message):
            let members = [
                JSONObject.Member(key: "error", value: .string(message)),
                JSONObject.Member(key: "error_code", value: .string(code)),
                content,
            ]
            encode(status: end.streamEnd.rawValue, members: members)
        }
    }
}
