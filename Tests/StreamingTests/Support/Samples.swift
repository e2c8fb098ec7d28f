import Primitives
import Streaming

/// A stream as the tests start it.
func sampleStream(
    _ id: String = "stream_1",
    session: String = "session_1",
    room: String = "room_1",
    user: String = "ada",
    query: String = "Why?",
    messageID: String? = nil
) -> LiveStream {
    LiveStream(
        id: id,
        conversationID: "conv_\(id)",
        sessionID: session,
        roomID: room,
        userID: user,
        agentType: "assistant",
        question: StreamQuestion(query: query, messageID: messageID),
        startedAt: Timestamp(milliseconds: 0)
    )
}

/// A stream's writer: encodes and appends, as the making of a reply does.
struct SampleWriter: Sendable {
    let log: StreamLog
    var encoder: StreamEventEncoder

    init(_ stream: LiveStream) {
        self.init(stream.log, id: stream.id)
    }

    init(_ log: StreamLog, id: String = "stream_1") {
        self.log = log
        encoder = StreamEventEncoder(streamID: id, agentType: "assistant")
    }

    mutating func start() {
        encoder.encode(status: "started")
        _ = log.append(encoder.bytes)
    }

    @discardableResult
    mutating func append(_ content: String) -> Bool {
        encoder.encodeContent(Array(content.utf8))
        return log.append(encoder.bytes, content: Array(content.utf8))
    }

    /// The terminal event, numbered by the log.
    func terminal(_ status: String = "complete") -> [UInt8] {
        var encoder = StreamEventEncoder(
            streamID: encoder.streamID,
            agentType: "assistant",
            firstSequence: log.eventCount
        )
        encoder.encode(status: status)
        return encoder.bytes
    }
}

extension ActiveStreamTracker {
    /// A tracker whose limits and retention no test meets but those that say so.
    static func sample(
        streams: Int = 100_000,
        perUser: Int = 100_000,
        retention: StreamRetention = StreamRetention(time: 300_000_000_000, memory: 512 << 20),
        time: any TimeSource = ManualTimeSource()
    ) -> ActiveStreamTracker {
        ActiveStreamTracker(
            limits: Limits(streams: streams, streamsPerUser: perUser),
            retention: retention,
            time: time
        )
    }
}

extension FollowedSession {
    static let sample = FollowedSession(
        sessionID: "session_1",
        roomID: "room_1",
        expiresAt: Timestamp(milliseconds: 1_800_000)
    )
}
