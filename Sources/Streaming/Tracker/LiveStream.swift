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

/// One reply in the making: who it is for, its log, and the flag that its task looks at before each chunk.
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
    package let log = StreamLog()

    private struct State {
        var cancellation: StreamCancellation?
        var task: Task<Void, Never>?
        var hasEnded = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let isCancelledFlag = Atomic(false)
    private let state = Mutex(State())

    package init(
        id: String,
        conversationID: String,
        sessionID: String,
        roomID: String,
        userID: String,
        agentType: String,
        question: StreamQuestion,
        startedAt: Timestamp
    ) {
        self.id = id
        self.conversationID = conversationID
        self.sessionID = sessionID
        self.roomID = roomID
        self.userID = userID
        self.agentType = agentType
        self.question = question
        self.startedAt = startedAt
    }

    /// Whether the stream is to end; cheap enough to be looked at before each chunk.
    package var isCancelled: Bool { isCancelledFlag.load(ordering: .acquiring) }

    /// Why the stream is to end, if it is. The first reason stands.
    package var cancellation: StreamCancellation? { state.withLock { $0.cancellation } }

    /// Names the task that makes the reply: cancelling the stream cancels it.
    package func own(_ task: Task<Void, Never>) {
        let isCancelled = state.withLock { state in
            state.task = task
            return state.cancellation != nil
        }
        if isCancelled { task.cancel() }
    }

    /// Ends the stream early: its task stops waiting for its agent at once. Whoever calls it may then wait for the end.
    ///
    /// - Returns: for a stop, the answer as far as it was shown, after which no client is sent more of it;
    ///   nil when the stream was already ending.
    package func cancel(_ reason: StreamCancellation) async -> String? {
        let task = state.withLock { state in
            if state.cancellation == nil { state.cancellation = reason }
            return state.task
        }
        isCancelledFlag.store(true, ordering: .releasing)
        let answer = reason == .stopped ? await log.seal() : log.answer
        task?.cancel()
        return answer
    }

    /// Returns when the stream has ended, and how it ended is stored.
    package func waitUntilEnded() async {
        await withCheckedContinuation { continuation in
            let hasEnded = state.withLock { state in
                if !state.hasEnded { state.waiters.append(continuation) }
                return state.hasEnded
            }
            if hasEnded { continuation.resume() }
        }
    }

    func didEnd() {
        let waiters = state.withLock { state in
            defer { state.waiters = [] }
            state.hasEnded = true
            state.task = nil
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}
