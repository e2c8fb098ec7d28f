import Primitives
import Storage
import Streaming

/// A log of an answer whose own log is no longer held: all of its text in one `reset` event, and how it ended.
struct StoredAnswer {
    let log: StreamLog
    let terminalSequence: Int

    /// The sequence number of a terminal event whose stream's length is not known, as after a crash:
    /// beyond that of any event.
    private static let unknownSequence = 1 << 31

    init(_ conversation: Conversation) {
        // Of a stream, sequence 0 is `started`, and the chunks follow.
        let chunks = conversation.metadata["chunks"]?.integerValue.flatMap { Int(exactly: $0) } ?? -1
        terminalSequence = (0..<Self.unknownSequence).contains(chunks) ? chunks + 1 : Self.unknownSequence
        log = StreamLog(streamID: conversation.streamID ?? conversation.id, agentType: conversation.agentType)
        var encoder = StreamEventEncoder(
            streamID: log.streamID,
            agentType: log.agentType,
            firstSequence: terminalSequence - 1
        )
        encoder.encodeReset(answer: conversation.agentResponse)
        _ = log.append(encoder.bytes)
        encoder.encodeTerminal(conversation.end, answer: conversation.agentResponse)
        log.end(encoder.bytes)
    }
}

extension Conversation {
    /// How the stream of the conversation ended, as its terminal event tells it.
    var end: ReplyEnd {
        switch status {
        case .completed where metadata["finish_reason"]?.stringValue == ReplyEnd.limitReason: .completeAtLimit
        case .completed: .complete
        case .cancelled: .cancelled
        case .failed: .failed(code: "AGENT_UNAVAILABLE", message: "The answer could not be completed")
        case .interrupted, .streaming: .interrupted
        }
    }
}
