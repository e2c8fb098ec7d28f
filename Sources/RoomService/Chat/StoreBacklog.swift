import Storage
import Streaming
import Synchronization

/// What a store that is away has not taken yet: the ends of answers, each of which waits until the store has it, and
/// whether the answers that still run must pause, as their texts need the memory that there is for them.
///
/// No more ends wait than there were answers when the store went away: without it, no new one begins.
final class StoreBacklog: Sendable {
    /// How an end was stored, as `Store.end` tells; or why it never will be.
    typealias Outcome = Result<Bool, StoreError>

    private struct Waiting: Sendable {
        var end: ConversationEnd
        var continuation: CheckedContinuation<Outcome, Never>
    }

    /// A question of which it is not known whether the store has it.
    private struct Withdrawal: Sendable {
        var conversationID: String
        var streamID: String
    }

    private struct State {
        var waiting: [Waiting] = []
        var withdrawals: [Withdrawal] = []
        var isClosed = false
    }

    /// How many ends are offered to the store at the same time: it gathers what comes together.
    private static let batchSize = 256

    private let state = Mutex(State())
    private let waitingCount = Atomic(0)
    private let pauses = Atomic(false)
    private let neededSince = Atomic(Int64.max)

    // MARK: Ends

    /// How many ends wait, those included that are being offered to the store.
    var count: Int { waitingCount.load(ordering: .relaxed) }

    /// Returns when the store has taken the end, or when that is given up.
    func wait(_ end: ConversationEnd) async -> Outcome {
        waitingCount.add(1, ordering: .relaxed)
        defer { waitingCount.subtract(1, ordering: .relaxed) }
        return await withCheckedContinuation { continuation in
            hold([Waiting(end: end, continuation: continuation)])
        }
    }

    private func hold(_ ends: some Sequence<Waiting> & Sendable) {
        let isClosed = state.withLock { state in
            if !state.isClosed { state.waiting += ends }
            return state.isClosed
        }
        if isClosed { Self.giveUp(ends) }
    }

    /// The end of that answer was given up: the next start stores what there is of it.
    func keepParts(of stream: LiveStream) {
        neededSince.min(stream.stored.partsNeededSince, ordering: .relaxed)
    }

    /// Since when there are parts of such answers; in monotonic nanoseconds.
    var partsNeededSince: Int64 { neededSince.load(ordering: .relaxed) }

    /// Has a question taken back as soon as the store can do that.
    func withdraw(conversationID: String, streamID: String) {
        let withdrawal = Withdrawal(conversationID: conversationID, streamID: streamID)
        state.withLock { $0.withdrawals.append(withdrawal) }
    }

    /// Offers what waits to the store. What it does not take yet goes on waiting.
    func offer(to store: any Store) async {
        await takeBack(from: store)
        await offerEnds(to: store)
    }

    private func takeBack(from store: any Store) async {
        while let next = state.withLock({ $0.withdrawals.first }) {
            do throws(StoreError) {
                try await store.withdraw(conversationID: next.conversationID, streamID: next.streamID)
            } catch {
                guard error.code != .unavailable else { return }
            }
            state.withLock { _ = $0.withdrawals.removeFirst() }
        }
    }

    private func offerEnds(to store: any Store) async {
        let all = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        var rest = all[...]
        // One first: a store that is still away need not be asked a thousand times.
        for size in [1] + Array(repeating: Self.batchSize, count: all.count / Self.batchSize + 1) where !rest.isEmpty {
            let refused = await Self.offer(rest.prefix(size), to: store)
            rest = rest.dropFirst(size)
            guard refused.isEmpty else {
                hold(refused + rest)
                return
            }
        }
    }

    /// - Returns: those that the store cannot take now.
    private static func offer(_ ends: ArraySlice<Waiting>, to store: any Store) async -> [Waiting] {
        await withTaskGroup(of: Waiting?.self) { group in
            for waiting in ends {
                group.addTask {
                    let outcome: Outcome
                    do throws(StoreError) {
                        outcome = .success(try await store.end(waiting.end))
                    } catch {
                        if error.code == .unavailable { return waiting }
                        outcome = .failure(error)
                    }
                    waiting.continuation.resume(returning: outcome)
                    return nil
                }
            }
            return await group.reduce(into: []) { refused, waiting in if let waiting { refused.append(waiting) } }
        }
    }

    /// Lets no end wait any longer, from now on.
    func close() {
        let ends = state.withLock { state in
            defer { state = State(isClosed: true) }
            return state.waiting
        }
        Self.giveUp(ends)
    }

    private static func giveUp(_ ends: some Sequence<Waiting>) {
        let error = StoreError(.unavailable, "the service ended before the store was back")
        for waiting in ends { waiting.continuation.resume(returning: .failure(error)) }
    }

    // MARK: Pausing

    /// Whether running answers are to pause. Cheap enough to be looked at before each chunk.
    var pausesAnswers: Bool { pauses.load(ordering: .relaxed) }

    func pauseAnswers(_ isPaused: Bool) { pauses.store(isPaused, ordering: .relaxed) }
}
