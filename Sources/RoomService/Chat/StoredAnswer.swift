import Primitives
import Storage
import Streaming

/// A log of an answer whose own log is no longer held: all of its text in one `reset` event, and how it ended.
struct StoredAnswer {
    let log: StreamLog
    let terminalSequence: Int

    /// Where a client goes on that has all of the text: before the terminal event.
    var end: Int {
        guard case .cursor(let cursor) = log.place(before: 1) else { preconditionFailure("it has two events") }
        return cursor
    }

    init(_ conversation: Conversation) {
        // Of a stream, sequence 0 is `started`, and the chunks and other events follow.
        let chunks = conversation.metadata["chunks"]?.integerValue ?? -1
        let others = conversation.metadata["other_events"]?.integerValue ?? 0
        let known = 0..<Int64(StreamEventID.unknownEnd / 2)
        let isKnown = known.contains(chunks) && known.contains(others)
        terminalSequence = isKnown ? Int(chunks + others) + 1 : StreamEventID.unknownEnd
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
        case .completed: .complete(for: metadata["finish_reason"]?.stringValue)
        case .cancelled: .cancelled
        case .failed:
            .failed(
                code: metadata["error_code"]?.stringValue ?? "AGENT_UNAVAILABLE",
                message: metadata["error"]?.stringValue ?? "The answer could not be completed"
            )
        case .interrupted, .streaming: .interrupted
        }
    }
}
