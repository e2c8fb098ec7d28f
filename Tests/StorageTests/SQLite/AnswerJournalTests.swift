import Primitives
import Testing

@testable import Storage

/// Texts of running answers, between the checkpoint and the conversation.
@Suite struct `The journal of running answers` {
    @Test func `is folded into the conversations that still run, after a minute`() async throws {
        try await withJournal { store, clock in
            try await store.checkpoint(["c1": "one", "c2": "eins"])
            clock.advance(by: .seconds(60))
            try await store.checkpoint(["c1": "one two"], after: ["c1": "one"])
            #expect(try await store.journalRows() == 2)
            try await store.end("c2", text: "eins zwei")
            clock.advance(by: .nanoseconds(1))
            try await store.checkpoint([:])
            #expect(try await store.journalRows() == 0)
            #expect(try await store.conversation(streamID: "stream-c1")?.agentResponse == "one two")
            #expect(try await store.conversation(streamID: "stream-c2")?.agentResponse == "eins zwei")
            try await store.checkpoint(["c1": "one two three"], after: ["c1": "one two"])
            _ = try await store.interruptOrphans(notOf: "i2", staleBefore: nil, at: time(9))
            #expect(try await store.conversation(streamID: "stream-c1")?.agentResponse == "one two three")
        }
    }

    @Test func `is folded when it has grown large`() async throws {
        try await withJournal(limit: 1000) { store, _ in
            var (known, text) = ("", "")
            for count in 0..<6 {
                #expect(try await store.journalRows() == count)
                (known, text) = (text, text + String(repeating: "Ä", count: 100))
                try await store.checkpoint(["c1": text], after: ["c1": known])
            }
            try await store.checkpoint([:])
            #expect(try await store.journalRows() == 0)
            #expect(try await store.conversation(streamID: "stream-c1")?.agentResponse == text)
        }
    }

    @Test func `is folded once only, when a fold was cut off before its end`() async throws {
        try await withJournal { store, _ in
            try await store.checkpoint(["c1": "one", "c2": "eins"])
            try await store.writer.write { connection throws(StoreError) in
                _ = try connection.run(.appendText, "one", "c1")
            }
            _ = try await store.interruptOrphans(notOf: "i2", staleBefore: nil, at: time(9))
            #expect(try await store.conversation(streamID: "stream-c1")?.agentResponse == "one")
            #expect(try await store.conversation(streamID: "stream-c2")?.agentResponse == "eins")
        }
    }

    @Test func `does not lose its texts with a step back`() async throws {
        try await withTemporaryFolder { folder in
            let store = try await SQLiteStore.open(directory: folder)
            try await store.makeRoomAndSession()
            for id in ["c1", "c2", "c3"] { try await store.begin(.sample(id)) }
            try await store.checkpoint(["c1": "one", "c2": "eins"])
            try await store.foldJournal()
            try await store.checkpoint(["c1": "one – two", "c2": "eins zwei"], after: ["c1": "one", "c2": "eins"])
            try await store.checkpoint(["c1": "one – two\n3"], after: ["c1": "one – two"])
            try await store.checkpoint(["c1": "one – two\n3 4"], after: ["c1": "one – two"])
            try await store.end("c2", text: "eins zwei drei")
            await store.close()
            let engine = MigrationEngine(SQLiteMigrationBackend(directory: folder), known: SQLiteMigrations.all)
            #expect(try engine.downgrade().map(\.name) == ["002_add_answer_parts"])
            let again = try await SQLiteStore.open(directory: folder)
            _ = try await again.interruptOrphans(notOf: "i2", staleBefore: nil, at: time(9))
            #expect(try await again.conversation(streamID: "stream-c1")?.agentResponse == "one – two\n3 4")
            #expect(try await again.conversation(streamID: "stream-c2")?.agentResponse == "eins zwei drei")
            #expect(try await again.conversation(streamID: "stream-c3")?.agentResponse == "")
            await again.close()
        }
    }

    @Test(arguments: ["", "{}", "[1]", "[[1,2,3]]", #"[["c1",-1,"x"]]"#, #"[["c1",0]]"#, #"[["c1",0,"x"]"#])
    func `tells of a damaged row, and keeps it`(row: String) async throws {
        try await withJournal { store, _ in
            try await store.writer.write { connection throws(StoreError) in
                _ = try connection.run(.insertAnswerParts, Array(row.utf8))
            }
            await #expect(throws: StoreError.self) {
                try await store.interruptOrphans(notOf: "i2", staleBefore: nil, at: time(9))
            }
            #expect(try await store.journalRows() == 1)
            #expect(try await store.conversation(streamID: "stream-c1")?.status == .streaming)
        }
    }

    /// A store in which c1 and c2 run.
    private func withJournal(
        limit: Int = .max,
        _ body: (SQLiteStore, ManualTimeSource) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { folder in
            let clock = ManualTimeSource(now: time(0))
            let store = try await SQLiteStore.open(directory: folder, journalLimit: limit, time: clock)
            try await store.makeRoomAndSession()
            for id in ["c1", "c2"] { try await store.begin(.sample(id)) }
            try await body(store, clock)
            await store.close()
        }
    }
}

extension SQLiteStore {
    fileprivate func journalRows() async throws -> Int {
        try await readers.read { connection throws(StoreError) in
            let rows = try connection.statement(.answerParts)
            var count = 0
            while try rows.step() { count += 1 }
            return count
        }
    }
}
