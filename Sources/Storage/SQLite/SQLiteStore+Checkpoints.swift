import Primitives

/// The texts of running answers are a journal: a checkpoint adds one row, with what is new of many answers, instead of
/// rewriting a row for each. Only after a crash is the journal read.
extension SQLiteStore {
    package var storesWholeTexts: Bool { false }

    package func checkpoint(_ checkpoint: Checkpoint) async throws(StoreError) {
        guard !checkpoint.isEmpty else { return }
        let row = try await writer.write { connection throws(StoreError) -> Int64? in
            for part in checkpoint.parts where part.isWhole {
                try connection.run(.saveText, Array(checkpoint[part]), part.conversationID)
            }
            guard !checkpoint.parts.allSatisfy(\.isWhole) else { return nil }
            try connection.run(.insertAnswerParts, AnswerParts.encode(checkpoint))
            return connection.lastInsertedRow
        }
        if let row { journal.withLock { $0.append(JournalRow(id: row, time: checkpoint.time)) } }
    }

    package func forgetParts(before time: Int64) async throws(StoreError) {
        guard let last = journal.withLock({ $0.last { $0.time < time } }) else { return }
        try await writer.write { connection throws(StoreError) in _ = try connection.run(.deleteAnswerParts, last.id) }
        journal.withLock { $0.removeAll { $0.id <= last.id } }
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

    /// Moves what a crash has left in the journal to the conversations, as far as they were running, and empties it. Cut off in the
    /// middle it can be done again: each part says where in its answer it belongs.
    func foldJournal() async throws(StoreError) {
        let (parts, newest) = try await readers.read { connection throws(StoreError) in
            var running: Set<String> = []
            let ids = try connection.statement(.runningConversations)
            while try ids.step() { running.insert(ids.text(0)) }
            let rows = try connection.statement(.answerParts)
            var (parts, newest) = (AnswerParts(of: running), Int64(0))
            while try rows.step() {
                newest = rows.integer(0)
                guard parts.add(encoded: rows.bytes(1)) else {
                    throw StoreError(.failed, "answer_parts: row \(newest) is damaged: \(connection.path)")
                }
            }
            return (parts, newest)
        }
        guard newest > 0 else { return }
        let answers = Array(parts.answers)
        for start in stride(from: 0, to: answers.count, by: Self.foldedAtOnce) {
            let portion = answers[start..<min(start + Self.foldedAtOnce, answers.count)]
            try await writer.write { connection throws(StoreError) in
                for (id, answer) in portion { try connection.append(answer, to: id) }
            }
        }
        try await writer.write { connection throws(StoreError) in _ = try connection.run(.deleteAnswerParts, newest) }
        journal.withLock { $0.removeAll { $0.id <= newest } }
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

/// A row of the journal that this process has written.
struct JournalRow {
    var id: Int64
    /// When its parts were made, in monotonic nanoseconds.
    var time: Int64
}
