import HTTPServer
import Synchronization

/// A client that watches whatever a session streams: it is told of each new stream's log.
///
/// `@unchecked Sendable`: the news are locked; `subscriber` is touched on the loop alone, the neighbours under the tracker's lock.
final class SessionFollower: LoopWork, @unchecked Sendable {
    /// What a follower goes on with.
    enum Next {
        case log(StreamLog)
        case waiting
        /// No further stream will come.
        case finished
    }

    private struct News {
        var logs: [StreamLog] = []
        var isFinished = false
    }

    let loop: EventLoop
    let session: FollowedSession
    /// Nil once it has left: until then each holds the other.
    var subscriber: Subscriber?
    /// Its neighbours among the session's followers, until it is taken out.
    var following: SessionFollower?
    var preceding: SessionFollower?
    private let news = Mutex(News())

    init(loop: EventLoop, session: FollowedSession) {
        self.loop = loop
        self.session = session
    }

    /// Tells of a stream that has begun. From any thread.
    func announce(_ log: StreamLog) {
        news.withLock { $0.logs.append(log) }
        loop.flush(self)
    }

    /// Tells that no further stream will come. From any thread.
    func finish() {
        news.withLock { $0.isFinished = true }
        loop.flush(self)
    }

    /// Whether it has been told that no further stream will come.
    var isFinishing: Bool { news.withLock { $0.isFinished } }

    /// Takes the log to go on with, in the order in which the streams began.
    func next() -> Next {
        news.withLock { news in
            if !news.logs.isEmpty { return .log(news.logs.removeFirst()) }
            return news.isFinished ? .finished : .waiting
        }
    }

    func run(on loop: EventLoop) {
        subscriber?.pump()
    }
}
