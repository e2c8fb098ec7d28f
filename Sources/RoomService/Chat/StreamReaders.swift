import Primitives
import Streaming

/// Has a line written when a streamed response ends: the request's own line has told of its beginning.
struct StreamReaders: Sendable {
    private let observer: StreamReader.Observer

    /// - Returns: nil when no such lines are wanted: then nothing is kept of readers.
    init?(_ tracker: ActiveStreamTracker, _ logger: Logger) {
        guard logger.isEnabled(.info) else { return nil }
        observer = StreamReader.Observer { end in logger.info("response ended", Self.fields(of: end, tracker)) }
    }

    func reader(_ log: RequestLog) -> StreamReader {
        StreamReader(
            requestID: log.origin.id,
            traceID: log.origin.trace?.traceID,
            startedAt: log.startedAt,
            observer: observer
        )
    }

    private static func fields(of end: StreamReader.End, _ tracker: ActiveStreamTracker) -> LogFields {
        var fields = LogFields(capacity: 9)
        fields.add("request_id", end.reader.requestID)
        fields.add("trace_id", end.reader.traceID)
        fields.add("duration_ms", nanoseconds: end.time - end.reader.startedAt)
        if let stream = end.streamID.flatMap(tracker.stream(id:)) {
            fields.add(stream)
        } else {
            fields.add(
                userID: nil,
                sessionID: end.session?.sessionID,
                roomID: end.session?.roomID,
                streamID: end.streamID
            )
        }
        fields.add("result", end.result.rawValue)
        fields.add("last_event", end.lastEvent)
        return fields
    }
}

extension LogFields {
    /// The ids of a stream and of what it belongs to: an answer that belongs to no session has made-up ones.
    mutating func add(_ stream: LiveStream) {
        add(
            userID: stream.userID == stream.sessionID ? nil : stream.userID,
            sessionID: stream.isStored ? stream.sessionID : nil,
            roomID: stream.isStored ? stream.roomID : nil,
            streamID: stream.id
        )
    }
}
