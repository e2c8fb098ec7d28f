import Primitives
import Synchronization

/// Knows every running stream by stream, session, room and user, and every ended one whose log is still held.
///
/// One stream a session, a limited number a user and in all: decided under one lock, so that racing requests cannot pass.
package final class ActiveStreamTracker: Sendable {
    package struct Limits: Sendable {
        package var streams: Int
        package var streamsPerUser: Int

        package init(streams: Int, streamsPerUser: Int) {
            self.streams = streams
            self.streamsPerUser = streamsPerUser
        }
    }

    /// What became of a request for a stream.
    package enum Start: Sendable {
        case started(LiveStream)
        /// The same question is being answered, or was a moment ago, by this stream.
        case joined(LiveStream)
    }

    fileprivate struct State {
        var running: [String: LiveStream] = [:]
        var bySession: [String: LiveStream] = [:]
        var countByUser: [String: Int] = [:]
        /// Running streams that followers have been told of.
        var announced: Set<String> = []
        var followers = SessionFollowers()
        /// By session, of those that are followed here.
        var copies: [String: SessionCopies] = [:]
        var ended: EndedStreams
        var isDraining = false
    }

    package let metrics = StreamMetrics()
    private let limits: Limits
    private let time: any TimeSource
    private let state: Mutex<State>

    package init(limits: Limits, retention: StreamRetention, time: any TimeSource) {
        self.limits = limits
        self.time = time
        state = Mutex(State(ended: EndedStreams(retention)))
    }

    // MARK: Starting and ending

    /// Takes the session's place for `stream`, unless its question is already being answered.
    ///
    /// - Parameter joinsSameQuery: whether the same query without a message id means the running stream, as it does for
    ///   a client that reconnects by itself.
    package func start(_ stream: LiveStream, joinsSameQuery: Bool) throws(StreamRefusal) -> Start {
        try state.withLock { state throws(StreamRefusal) in
            if let known = state.answering(stream, joinsSameQuery: joinsSameQuery) { return .joined(known) }
            if state.isDraining { throw .shuttingDown }
            if let running = state.bySession[stream.sessionID] { throw .sessionBusy(streamID: running.id) }
            let count = state.countByUser[stream.userID, default: 0]
            guard count < limits.streamsPerUser else { throw .userLimitReached(limit: limits.streamsPerUser) }
            guard state.running.count < limits.streams else { throw .overloaded }
            state.running[stream.id] = stream
            state.bySession[stream.sessionID] = stream
            state.countByUser[stream.userID] = count + 1
            metrics.started.add(1, ordering: .relaxed)
            return .started(stream)
        }
    }

    /// Tells the session's followers of a stream that has begun.
    package func announce(_ stream: LiveStream) {
        stream.didBegin()
        // Under the lock, as in `follow`: each follower hears of a session's streams in the order in which they begin.
        state.withLock { state in
            state.announced.insert(stream.id)
            state.followers.forEach(of: stream.sessionID) { $0.announce(stream.log) }
        }
    }

    /// Ends a stream whose end is stored: gives its place free, and only then shows its terminal event, so that whoever
    /// has seen that can ask the next question.
    ///
    /// - Parameter isKept: whether the log is held for clients that reconnect.
    package func end(_ stream: LiveStream, terminalEvent: [UInt8], sequence: Int? = nil, isKept: Bool = true) {
        // A stop that comes from now on has nothing to stop.
        _ = stream.settle()
        let logByteCount = stream.log.memoryByteCount + terminalEvent.count
        let now = time.monotonicNanoseconds
        state.withLock { state in
            guard state.running.removeValue(forKey: stream.id) != nil else { return }
            state.bySession[stream.sessionID] = nil
            state.announced.remove(stream.id)
            let count = state.countByUser[stream.userID, default: 1] - 1
            state.countByUser[stream.userID] = count > 0 ? count : nil
            if isKept { state.ended.add(stream, logByteCount: logByteCount, now: now) }
        }
        stream.log.end(terminalEvent, sequence: sequence)
        metrics.didEnd(eventCount: stream.log.eventCount)
        stream.didEnd()
    }

    /// From now on no stream starts, and no follower waits for one. Those that are there go on: `endFollowers`.
    package func drain() {
        state.withLock { $0.isDraining = true }
    }

    package var followerCount: Int {
        state.withLock { $0.followers.count }
    }

    /// Ends at most `count` followers, when they have read what has been announced to them.
    ///
    /// - Returns: how many.
    package func endFollowers(atMost count: Int) -> Int {
        state.withLock { state in
            var left = count
            state.followers.forEach { follower in
                guard left > 0, !follower.isFinishing else { return }
                follower.finish()
                left -= 1
            }
            return count - left
        }
    }

    // MARK: Looking up

    /// The stream of that id: a running one, or an ended one whose log is still held.
    package func stream(id: String) -> LiveStream? {
        let now = time.monotonicNanoseconds
        return state.withLock { state in
            if let running = state.running[id] { return running }
            state.ended.removeExpired(now: now)
            return state.ended.stream(id: id)
        }
    }

    package func running(id: String) -> LiveStream? {
        state.withLock { $0.running[id] }
    }

    package func running(sessionID: String) -> LiveStream? {
        state.withLock { $0.bySession[sessionID] }
    }

    package func running(roomID: String) -> [LiveStream] {
        state.withLock { $0.running.values.filter { $0.roomID == roomID } }
    }

    package var running: [LiveStream] {
        state.withLock { Array($0.running.values) }
    }

    package var runningCount: Int { state.withLock { $0.running.count } }

    package var capacity: Int { limits.streams }

    package var userLimit: Int { limits.streamsPerUser }

    /// How many events all streams have had until now, and the memory of all logs, in bytes.
    package var usage: (eventCount: Int, running: Int, ended: Int) {
        let (running, ended) = state.withLock { (Array($0.running.values), $0.ended.byteCount) }
        var (eventCount, byteCount) = (0, 0)
        for stream in running {
            let usage = stream.log.usage
            eventCount += usage.eventCount
            byteCount += usage.memoryByteCount
        }
        return (metrics.eventCount(besides: eventCount), byteCount, ended)
    }

    /// The memory of all logs, in bytes.
    package var memory: (running: Int, ended: Int) {
        let usage = usage
        return (usage.running, usage.ended)
    }

    /// Keeps all logs within the memory that there is for them, and lets go of ended ones whose time is over. The ended ones
    /// go first, oldest first. When that is not enough, running ones hold only their newest events, each the same share, as
    /// none of them is dropped.
    package func limitMemory() {
        let now = time.monotonicNanoseconds
        let running = running
        let byteCount = running.reduce(0) { $0 + $1.log.memoryByteCount }
        let limit = state.withLock { state in
            state.ended.removeExpired(now: now, besides: byteCount)
            return state.ended.memoryLimit
        }
        guard byteCount > limit else { return }
        let share = max(Self.smallestShare, limit / running.count)
        for stream in running { stream.log.retain(atMost: share) }
    }

    /// What each running stream may hold in any case, in bytes.
    private static let smallestShare = 65_536

    /// Forgets the ended streams of a room or session that is deleted.
    package func forgetEnded(where isForgotten: (LiveStream) -> Bool) {
        state.withLock { $0.ended.remove(where: isForgotten) }
    }

    // MARK: Followers

    /// Ends the followers of sessions that have ended, when they have read what has been announced to them.
    package func endFollowers(where hasEnded: (FollowedSession) -> Bool) {
        state.withLock { state in
            state.followers.forEach { if hasEnded($0.session) { $0.finish() } }
        }
    }

    /// Announces the session's running stream, if there is one, and each later one to `follower`.
    func follow(_ follower: SessionFollower) {
        state.withLock { state in
            state.followers.add(follower)
            let running = state.bySession[follower.session.sessionID]
            if let running, state.announced.contains(running.id) {
                follower.announce(running.log)
            } else if let copy = state.copies[follower.session.sessionID]?.newest, !copy.hasEnded {
                follower.announce(copy)
            }
            if state.isDraining { follower.finish() }
        }
    }

    /// Tells the session's followers of a stream that another instance has begun there; once, however often it is called.
    package func announce(copy: StreamLog, sessionID: String) {
        state.withLock { state in
            guard state.copies[sessionID, default: SessionCopies()].add(copy) else { return }
            state.followers.forEach(of: sessionID) { $0.announce(copy) }
        }
    }

    package func forgetCopy(sessionID: String) {
        state.withLock { $0.copies[sessionID] = nil }
    }

    package func isFollowed(sessionID: String) -> Bool {
        state.withLock { state in
            var isFollowed = false
            state.followers.forEach(of: sessionID) { _ in isFollowed = true }
            return isFollowed
        }
    }

    func unfollow(_ follower: SessionFollower) {
        state.withLock { $0.followers.remove(follower) }
    }
}

extension ActiveStreamTracker.State {
    /// The stream that answers the same question, if there is one.
    fileprivate mutating func answering(_ stream: LiveStream, joinsSameQuery: Bool) -> LiveStream? {
        let question = stream.question
        if let running = bySession[stream.sessionID] {
            if question.messageID != nil {
                if running.question.messageID == question.messageID { return running }
            } else if joinsSameQuery, running.question.query == question.query {
                return running
            }
        }
        guard let messageID = question.messageID else { return nil }
        return ended.stream(sessionID: stream.sessionID, messageID: messageID)
    }
}
