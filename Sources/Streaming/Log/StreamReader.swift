/// A client that reads a stream, as the line knows it that tells of its end. What is kept of each for that is little, as there
/// are many.
package struct StreamReader: Sendable {
    /// How the reading has ended.
    package enum Result: String, Sendable {
        /// The client was sent all there was.
        case finished
        /// It lagged further than events are held, and was cut off.
        case lagged
        /// It has left, or was cut off as it took nothing.
        case closed
    }

    package struct End: Sendable {
        package var reader: StreamReader
        package var result: Result
        /// The stream that it read last; nil: none has begun.
        package var streamID: String?
        /// The sequence number of the last event that was sent to it; nil: none, or it is not known.
        package var lastEvent: Int?
        /// Monotonic, in nanoseconds.
        package var time: Int64
        package var session: FollowedSession?
    }

    /// Is told of ends, on the readers' loops. One for all readers.
    package final class Observer: Sendable {
        fileprivate let didEnd: @Sendable (End) -> Void

        package init(_ didEnd: @escaping @Sendable (End) -> Void) {
            self.didEnd = didEnd
        }
    }

    package let requestID: String
    package let traceID: String?
    /// Monotonic, in nanoseconds.
    package let startedAt: Int64
    private let observer: Observer

    package init(requestID: String, traceID: String?, startedAt: Int64, observer: Observer) {
        self.requestID = requestID
        self.traceID = traceID
        self.startedAt = startedAt
        self.observer = observer
    }

    func didEnd(
        _ result: Result,
        _ log: StreamLog?,
        lastEvent: Int? = nil,
        session: FollowedSession? = nil,
        at time: Int64
    ) {
        observer.didEnd(
            End(
                reader: self,
                result: result,
                streamID: log?.streamID,
                lastEvent: lastEvent,
                time: time,
                session: session
            )
        )
    }
}
