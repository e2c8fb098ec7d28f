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

    /// That number where the stream's length is known, else the other one.
    func terminalSequence(orIfUnknown other: Int) -> Int {
        terminalSequence == Self.unknownSequence ? other : terminalSequence
    }

    init(_ conversation: Conversation) {
        // Of a stream, sequence 0 is `started`, and the chunks and other events follow.
        let chunks = conversation.metadata["chunks"]?.integerValue ?? -1
        let others = conversation.metadata["other_events"]?.integerValue ?? 0
        let known = 0..<Int64(Self.unknownSequence / 2)
        let isKnown = known.contains(chunks) && known.contains(others)
        terminalSequence = isKnown ? Int(chunks + others) + 1 : Self.unknownSequence
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
