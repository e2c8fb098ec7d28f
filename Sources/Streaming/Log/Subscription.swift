import HTTPServer

/// What a client wants to watch: the body of a response. It becomes a subscriber when the response goes out.
package struct Subscription: StreamedBody {
    /// How long the client is told to wait before it reconnects, in milliseconds.
    package var retryMilliseconds = 2000
    /// Where it is counted.
    package var metrics: StreamMetrics?
    /// Who is told how it ends.
    package var reader: StreamReader?

    let log: StreamLog?
    let cursor: Int
    let sendsDone: Bool
    let followedSession: FollowedSession?
    /// Where the streams of the followed session are announced.
    let tracker: ActiveStreamTracker?

    /// Watches one stream from `cursor` until its end.
    ///
    /// - Parameter sendsDone: whether `data: [DONE]` follows the terminal event.
    package init(_ log: StreamLog, from cursor: Int = 0, sendsDone: Bool) {
        self.log = log
        self.cursor = cursor
        self.sendsDone = sendsDone
        followedSession = nil
        tracker = nil
    }

    /// Watches the stream that runs in a session, if one does, and then each later one, until the session ends or the
    /// client leaves.
    package init(following session: FollowedSession, tracker: ActiveStreamTracker) {
        log = nil
        cursor = 0
        sendsDone = false
        followedSession = session
        self.tracker = tracker
    }

    package func start(_ outlet: BodyOutlet) -> any BodyProducer {
        Subscriber(self, outlet: outlet)
    }
}
