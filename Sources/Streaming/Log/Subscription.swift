import HTTPServer

/// What a client wants to watch: the body of a response. It becomes a subscriber when the response goes out.
package struct Subscription: StreamedBody {
    /// Where the streams of a session are announced.
    struct FollowedSession: Sendable {
        var sessionID: String
        var tracker: ActiveStreamTracker
    }

    let log: StreamLog?
    let cursor: Int
    let sendsDone: Bool
    let followedSession: FollowedSession?

    /// Watches one stream from `cursor` until its end.
    ///
    /// - Parameter sendsDone: whether `data: [DONE]` follows the terminal event.
    package init(_ log: StreamLog, from cursor: Int = 0, sendsDone: Bool) {
        self.log = log
        self.cursor = cursor
        self.sendsDone = sendsDone
        followedSession = nil
    }

    /// Watches the stream that runs in a session, if one does, and then each later one, until the client leaves.
    package init(followingSession sessionID: String, tracker: ActiveStreamTracker) {
        log = nil
        cursor = 0
        sendsDone = false
        followedSession = FollowedSession(sessionID: sessionID, tracker: tracker)
    }

    package func start(_ outlet: BodyOutlet) -> any BodyProducer {
        Subscriber(self, outlet: outlet)
    }
}
