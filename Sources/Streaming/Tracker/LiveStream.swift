import HTTPServer
import Primitives
import Synchronization

/// What a stream answers, by which a second request for the same is recognised.
package struct StreamQuestion: Sendable, Equatable {
    package var query: String
    /// The client's own id of the question.
    package var messageID: String?

    package init(query: String, messageID: String?) {
        self.query = query
        self.messageID = messageID
    }
}

/// Why a stream is to end before its agent is done.
package enum StreamCancellation: Sendable, Equatable {
    /// A user has stopped it, or deleted what it belongs to.
    case stopped
    /// The service shuts down.
    case interrupted
}

/// Who has a stream end before its agent is done: for the operator.
package enum StreamCanceller: String, Sendable {
    case stopRequest = "stop_request"
    case sessionDeleted = "session_deleted"
    case roomDeleted = "room_deleted"
    /// Nobody is left who could see it.
    case clientLeft = "client_left"
    /// The store says so: another program has asked for it there, or has ended or deleted the answer.
    case store
    /// Other instances have taken this one for dead.
    case cluster
    case shutdown
}

/// One reply in the making: who it is for, its log, and the flag that its maker looks at before each piece.
package final class LiveStream: Sendable {
    package let id: String
    /// The stored conversation that the reply becomes part of.
    package let conversationID: String
    package let sessionID: String
    package let roomID: String
    package let userID: String
    package let agentType: String
    package let question: StreamQuestion
    package let startedAt: Timestamp
    /// Whether there is a stored conversation. Of an answer that belongs to no session, the store knows nothing.
    package let isStored: Bool
    package let log: StreamLog
    /// What is stored of the answer; for whoever stores it while it runs.
    package let stored = Stored()

    private struct State {
        var cancellation: StreamCancellation?
        var canceller: StreamCanceller?
        /// Has the maker look at the flag.
        var wake: (@Sendable () -> Void)?
        /// Whether it is decided how the stream ends.
        var isSettled = false
        var hasEnded = false
        var replacementID: String?
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
        private var lastNumber = 0

        mutating func takeNumber() -> Int {
            lastNumber += 1
            return lastNumber
        }
    }

    package struct Stored: ~Copyable, Sendable {
        /// How much of the answer is stored, in bytes.
        package let byteCount = Atomic(0)
        /// How much of it was, when it was last stored as a whole.
        package let wholeByteCount = Atomic(0)
        /// When that was, or, before, when any of it was stored first; in monotonic nanoseconds.
        package let since = Atomic<Int64>(0)

        /// Since when there are parts of it that no whole text stands for; `.max`: there are none.
        package var partsNeededSince: Int64 {
            let hasParts = byteCount.load(ordering: .relaxed) > wholeByteCount.load(ordering: .relaxed)
            return hasParts ? since.load(ordering: .relaxed) : .max
        }
    }

    private let isCancelledFlag = Atomic(false)
    private let hasBegunFlag = Atomic(false)
    private let state = Mutex(State())

    package init(
        id: String,
        conversationID: String,
        sessionID: String,
        roomID: String,
        userID: String,
        agentType: String,
        question: StreamQuestion,
        startedAt: Timestamp,
        isStored: Bool = true,
        retainedLimit: Int = .max
    ) {
        log = StreamLog(streamID: id, agentType: agentType, retainedLimit: retainedLimit)
        self.id = id
        self.conversationID = conversationID
        self.sessionID = sessionID
        self.roomID = roomID
        self.userID = userID
        self.agentType = agentType
        self.question = question
        self.startedAt = startedAt
        self.isStored = isStored
    }

    /// Whether the stream is to end; cheap enough to be looked at before each chunk.
    package var isCancelled: Bool { isCancelledFlag.load(ordering: .acquiring) }

    /// Whether its question is stored and its first event is there. Before, the store knows nothing of it.
    package var hasBegun: Bool { hasBegunFlag.load(ordering: .relaxed) }

    func didBegin() { hasBegunFlag.store(true, ordering: .relaxed) }

    /// The stream of another instance that answers the same question, where this one was given up for it.
    package var replacementID: String? { state.withLock { $0.replacementID } }

    /// Another instance's stream answers the same question. To be called before the end of this one.
    package func giveWay(to streamID: String) { state.withLock { $0.replacementID = streamID } }

    /// Says what is called when the stream is cancelled, at once if it has been: it has whoever makes the reply look at
    /// `isCancelled`.
    package func whenCancelled(_ wake: @escaping @Sendable () -> Void) {
        let isCancelled = state.withLock { state in
            if !state.hasEnded { state.wake = wake }
            return state.cancellation != nil
        }
        if isCancelled { wake() }
    }

    /// Ends the stream early: its maker stops waiting for its agent at once. Whoever calls it may then wait for the end.
    /// The first call stands, but that a user's stop comes before the service's.
    ///
    /// - Returns: for a stop, the answer as far as it was shown, after which no client is sent more of it;
    ///   nil for an interruption, and when the stream was already ending.
    @discardableResult
    package func cancel(_ reason: StreamCancellation, by canceller: StreamCanceller? = nil) async -> String? {
        let seal = beginCancelling(reason, canceller)
        await seal?.waitUntilSilent()
        return seal?.answer
    }

    /// Stops a stream that nobody watches any more.
    package func abandon() { _ = beginCancelling(.stopped, .clientLeft) }

    /// Who has cancelled it, if somebody has.
    package var canceller: StreamCanceller? { state.withLock { $0.canceller } }

    private func beginCancelling(_ reason: StreamCancellation, _ canceller: StreamCanceller?) -> StreamLog.Seal? {
        let (wake, seal) = state.withLock { state -> ((@Sendable () -> Void)?, StreamLog.Seal?) in
            guard !state.isSettled, state.cancellation != .stopped, state.cancellation != reason else {
                return (nil, nil)
            }
            state.cancellation = reason
            state.canceller = canceller
            isCancelledFlag.store(true, ordering: .releasing)
            // Under the lock: the end cannot come in between, and show what a stop is to hide.
            return (state.wake, reason == .stopped ? log.seal() : nil)
        }
        wake?()
        return seal
    }

    /// Decides how the stream ends. From now on it can no longer be cancelled: a stop is either told to whoever asked
    /// for it and seen in how the stream ends, or neither.
    ///
    /// - Returns: why the stream is to end early, if it is.
    package func settle() -> StreamCancellation? {
        state.withLock { state in
            state.isSettled = true
            return state.cancellation
        }
    }

    /// Returns when the stream has ended, and how it ended is stored.
    package func waitUntilEnded() async {
        await wait(number: state.withLock { $0.takeNumber() })
    }

    /// The same, for at most `limit` nanoseconds: a store that is gone can hold up an end for long. To be called on `loop`.
    ///
    /// - Returns: whether the stream has ended.
    @discardableResult
    package func waitUntilEnded(for limit: Int64, on loop: EventLoop) async -> Bool {
        let deadline = loop.now + limit
        let number = state.withLock { $0.takeNumber() }
        let timer = Task(executorPreference: loop) { [self] in
            guard (try? await loop.sleep(until: deadline)) != nil else { return }
            state.withLock { $0.waiters.removeValue(forKey: number) }?.resume()
        }
        await wait(number: number)
        timer.cancel()
        await timer.value
        return state.withLock { $0.hasEnded }
    }

    private func wait(number: Int) async {
        await withCheckedContinuation { continuation in
            let hasEnded = state.withLock { state in
                if !state.hasEnded { state.waiters[number] = continuation }
                return state.hasEnded
            }
            if hasEnded { continuation.resume() }
        }
    }

    func didEnd() {
        let waiters = state.withLock { state in
            defer { state.waiters = [:] }
            state.hasEnded = true
            state.wake = nil
            return state.waiters
        }
        for waiter in waiters.values { waiter.resume() }
    }
}
