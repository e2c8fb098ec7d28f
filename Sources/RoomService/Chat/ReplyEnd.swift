import Primitives
import Storage
import Streaming

/// How a reply ends.
enum ReplyEnd: Sendable, Equatable {
    case complete
    case cancelled
    case interrupted
    case failed(code: String, message: String)

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
        case .complete:
            encode(status: StreamEnd.complete.rawValue, members: [content])
        case .cancelled:
            let message = JSONObject.Member(key: "message", value: "Stream stopped by user")
            encode(status: StreamEnd.cancelled.rawValue, members: [message, content])
        case .interrupted:
            let message = JSONObject.Member(key: "message", value: "The stream was interrupted")
            encode(status: StreamEnd.interrupted.rawValue, members: [message, content])
        case .failed(let code, let message):
            let members = [
                JSONObject.Member(key: "error", value: .string(message)),
                JSONObject.Member(key: "error_code", value: .string(code)),
                content,
            ]
            encode(status: StreamEnd.error.rawValue, members: members)
        }
    }
}
