import HTTPServer
import Synchronization

/// A client that watches whatever a session streams: it is told of each new stream's log.
///
/// `@unchecked Sendable`: the logs are locked; `subscriber` is touched on the loop alone.
final class SessionFollower: LoopWork, @unchecked Sendable {
    let loop: EventLoop
    let sessionID: String
    weak var subscriber: Subscriber?
    private let logs = Mutex<[StreamLog]>([])

    init(loop: EventLoop, sessionID: String) {
        self.loop = loop
        self.sessionID = sessionID
    }

    /// Tells of a stream that has begun. From any thread.
    func announce(_ log: StreamLog) {
        logs.withLock { $0.append(log) }
        loop.flush(self)
    }

    /// The log to go on with, in the order in which the streams began.
    func nextLog() -> StreamLog? {
        logs.withLock { $0.isEmpty ? nil : $0.removeFirst() }
    }

    func run(on loop: EventLoop) {
        subscriber?.pump()
    }
}
