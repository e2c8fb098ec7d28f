import Primitives
import Synchronization

/// The texts of running answers are a journal: each checkpoint adds one row, with what is new of many answers, instead of
/// rewriting a row for each. The journal is folded into the conversations from time to time: those that have ended meanwhile,
/// nearly all, were stored with their whole text, and so cost nothing then.
extension SQLiteStore {
    package var storesWholeTexts: Bool { false }

    package func checkpoint(_ checkpoint: Checkpoint) async throws(StoreError) {
        let now = time.monotonicNanoseconds
        // First, so that a journal that cannot be folded does not grow for ever.
        if journal.isToBeFolded(now: now) { try await foldJournal() }
        guard !checkpoint.isEmpty else { return }
        try await writer.write { connection throws(StoreError) in
            _ = try connection.run(.insertAnswerParts, AnswerParts.encode(checkpoint))
        }
        journal.didAdd(checkpoint.byteCount, now: now)
    }

    /// - Returns: none: there is no other program that could end an answer.
    @discardableResult
    package func recordHeartbeats(
        of streamIDs: [String],
        instanceID: String,
        at time: Timestamp
    ) async throws(StoreError) -> [String] {
        try await writer.write { connection throws(StoreError) in
            for id in streamIDs { try connection.run(.saveHeartbeat, time, id) }
        }
        return []
    }

    /// Moves what the journal holds to the conversations, as far as they still run, and empties it. Cut off in the middle it can
    /// be done again: each part says where in its answer it belongs.
    func foldJournal() async throws(StoreError) {
        let (parts, newest) = try await readers.read { connection throws(StoreError) in
            let rows = try connection.statement(.answerParts)
            var (parts, newest) = (AnswerParts(), Int64(0))
            while try rows.step() {
                newest = rows.integer(0)
                guard parts.add(encoded: rows.bytes(1)) else {
                    throw StoreError(.failed, "answer_parts: row \(newest) is damaged: \(connection.path)")
                }
            }
            return (parts, newest)
        }
        let answers = Array(parts.answers)
        for start in stride(from: 0, to: answers.count, by: Self.foldedAtOnce) {
            let portion = answers[start..<min(start + Self.foldedAtOnce, answers.count)]
            try await writer.write { connection throws(StoreError) in
                for (id, answer) in portion { try connection.append(answer, to: id) }
            }
        }
        try await writer.write { connection throws(StoreError) in _ = try connection.run(.deleteAnswerParts, newest) }
        journal.didFold()
    }

    /// How many conversations share a transaction, so that others need not wait for all of them.
    private static var foldedAtOnce: Int { 250 }
}

extension SQLiteConnection {
    fileprivate func append(_ answer: AnswerParts.Answer, to conversationID: String) throws(StoreError) {
        // In a scope of its own, so that the row is let go before it changes.
        let stored = try { () throws(StoreError) -> Int? in
            let row = try statement(.runningTextSize, conversationID)
            return try row.step() ? Int(row.integer(0)) : nil
        }()
        guard let stored, let rest = answer.text(from: stored) else { return }
        try run(.appendText, String(decoding: rest, as: UTF8.self), conversationID)
    }
}

/// When the journal is to be folded.
final class AnswerJournal: Sendable {
    private struct State {
        var byteCount = 0
        /// When the oldest row was added; nil: there is none.
        var since: Int64?
    }

    private let state = Mutex(State())
    private let limit: Int

    /// What users delete is gone from the file that soon, in nanoseconds.
    private static let oldest: Int64 = 60_000_000_000

    /// - Parameter limit: how many bytes of text it may hold.
    init(limit: Int) {
        self.limit = limit
    }

    func didAdd(_ byteCount: Int, now: Int64) {
        state.withLock { state in
            state.byteCount += byteCount
            state.since = state.since ?? now
        }
    }

    func isToBeFolded(now: Int64) -> Bool {
        state.withLock { state in
            guard let since = state.since else { return false }
            return state.byteCount > limit || now - since > Self.oldest
        }
    }

    func didFold() {
        state.withLock { $0 = State() }
    }
}
