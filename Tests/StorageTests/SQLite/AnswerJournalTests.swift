import Primitives
import Testing

@testable import Storage

/// Texts of running answers, between the checkpoint and the conversation.
@Suite struct `The journal of running answers` {
    @Test func `holds the parts of answers until they are forgotten`() async throws {
        try await withJournal { store in
            try await store.checkpoint(["c1": "one", "c2": "eins"], at: 1)
            try await store.checkpoint(["c1": "one two"], after: ["c1": "one"], at: 2)
            try await store.checkpoint(["c1": "one two three"], isWhole: true, at: 3)
            #expect(try await store.journalRows() == 2)
            #expect(try await store.conversation(streamID: "stream-c1")?.agentResponse == "one two three")
            try await store.forgetParts(before: 1)
            #expect(try await store.journalRows() == 2)
            try await store.forgetParts(before: 2)
            #expect(try await store.journalRows() == 1)
            try await store.forgetParts(before: .max)
            #expect(try await store.journalRows() == 0)
        }
    }

    @Test func `gives a whole text back that its older parts are still with`() async throws {
        try await withJournal { store in
            try await store.checkpoint(["c1": "one", "c2": "eins"], at: 1)
            try await store.checkpoint(["c1": "one two"], isWhole: true, at: 2)
            try await store.checkpoint(["c1": "one two three"], after: ["c1": "one two"], at: 3)
            _ = try await store.interruptOrphans(notOf: "i2", staleBefore: nil, at: time(9))
            #expect(try await store.conversation(streamID: "stream-c1")?.agentResponse == "one two three")
            #expect(try await store.conversation(streamID: "stream-c2")?.agentResponse == "eins")
            #expect(try await store.journalRows() == 0)
        }
    }

    @Test func `is folded once only, when a fold was cut off before its end`() async throws {
        try await withJournal { store in
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
        try await withJournal { store in
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
    private func withJournal(_ body: (SQLiteStore) async throws -> Void) async throws {
        try await withTemporaryFolder { folder in
            let store = try await SQLiteStore.open(directory: folder)
            try await store.makeRoomAndSession()
            for id in ["c1", "c2"] { try await store.begin(.sample(id)) }
            try await body(store)
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
