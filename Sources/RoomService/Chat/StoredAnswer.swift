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
        terminalSequence = conversation.terminalSequence
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
    /// The number of its stream's terminal event; `StreamEventID.unknownEnd` where the stream's length is not known.
    var terminalSequence: Int {
        // Sequence 0 is `started`, and the chunks and other events follow.
        let chunks = metadata["chunks"]?.integerValue ?? -1
        let others = metadata["other_events"]?.integerValue ?? 0
        let known = 0..<Int64(StreamEventID.unknownEnd / 2)
        return known.contains(chunks) && known.contains(others) ? Int(chunks + others) + 1 : StreamEventID.unknownEnd
    }

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
