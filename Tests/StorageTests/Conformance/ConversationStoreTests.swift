import Primitives
import Storage
import Testing

@Suite struct `Conversations` {
    @Test(arguments: StoreFactory.all)
    func `a question is stored at once with the record of its stream`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            try await store.makeRoomAndSession()
            let conversation = Conversation.sample("c1", agent: "nurse", at: 42, message: "m1", metadata: ["k": [1]])
            try await store.begin(conversation)
            #expect(try await store.conversation(streamID: "stream-c1") == conversation)
            #expect(try await store.conversation(sessionID: "s1", messageID: "m1") == conversation)
            #expect(try await store.conversation(streamID: "stream-c2") == nil)
            #expect(try await store.conversation(sessionID: "s2", messageID: "m1") == nil)
            #expect(try await store.activeStreams() == [.sample(of: conversation)])
            let room = try #require(try await store.room(id: "r1"))
            #expect(room.lastActivity == time(42))
            #expect(room.messageCount == 1)
            let session = try #require(try await store.session(id: "s1", at: time(42)))
            #expect(session.lastActivity == time(42))
            #expect(session.activeAgent == "nurse")
            #expect(session.context == SessionContext())
        }
    }

    @Test(arguments: StoreFactory.all)
    func `a question that is refused leaves no trace`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            try await store.makeRoomAndSession()
            try await store.begin(.sample("c1", at: 5, message: "m1"))
            let before = try await store.session(id: "s1", at: time(6))
            await expect(.duplicateMessage) { try await store.begin(.sample("c2", at: 6, message: "m1")) }
            await expect(.sessionNotFound) { try await store.begin(.sample("c2", session: "gone", at: 6)) }
            await expect(.roomNotFound) { try await store.begin(.sample("c2", room: "gone", at: 6)) }
            #expect(try await store.session(id: "s1", at: time(6)) == before)
            #expect(try await store.room(id: "r1")?.lastActivity == time(5))
            #expect(try await store.room(id: "r1")?.messageCount == 1)
            #expect(try await store.activeStreams().map(\.id) == ["stream-c1"])
        }
    }

    @Test(arguments: StoreFactory.all)
    func `a message id counts within its session only`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            try await store.makeRoomAndSession()
            try await store.createSession(.sample("s2"), newRoom: nil, roomLimit: 50)
            try await store.begin(.sample("c1", message: "m1"))
            try await store.begin(.sample("c2", session: "s2", message: "m1"))
            try await store.begin(.sample("c3"))
            try await store.begin(.sample("c4"))
            #expect(try await store.conversation(sessionID: "s2", messageID: "m1")?.id == "c2")
        }
    }

    @Test(arguments: StoreFactory.all)
    func `of racing questions with one message id exactly one is accepted`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            try await store.makeRoomAndSession()
            let accepted = await withTaskGroup(of: Bool.self) { group in
                for index in 0..<20 {
                    group.addTask {
                        do {
                            try await store.begin(.sample("c\(index)", message: "same"))
                            return true
                        } catch {
                            #expect((error as? StoreError)?.code == .duplicateMessage)
                            return false
                        }
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(accepted == 1)
            #expect(try await store.room(id: "r1")?.messageCount == 1)
        }
    }

    @Test(arguments: StoreFactory.all)
    func `an answer ends once`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            try await store.makeRoomAndSession()
            var conversation = Conversation.sample("c1", at: 1, metadata: ["old": true])
            try await store.begin(conversation)
            #expect(try await store.end("c1", .cancelled, text: "part", metadata: ["chunks": 3], at: 9))
            conversation.status = .cancelled
            conversation.agentResponse = "part"
            conversation.metadata = ["chunks": 3]
            #expect(try await store.conversation(streamID: "stream-c1") == conversation)
            #expect(try await store.activeStreams() == [])
            #expect(try await store.room(id: "r1")?.lastActivity == time(9))
            #expect(try await store.session(id: "s1", at: time(9))?.lastActivity == time(9))

            #expect(try await store.end("c1", .completed, text: "all", at: 20) == false)
            #expect(try await store.end("unknown") == false)
            #expect(try await store.conversation(streamID: "stream-c1") == conversation)
            #expect(try await store.room(id: "r1")?.lastActivity == time(9))
        }
    }

    @Test(arguments: StoreFactory.all)
    func `checkpoints keep the text of running answers`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            try await store.makeRoomAndSession()
            for id in ["c1", "c2", "c3", "ended"] { try await store.begin(.sample(id)) }
            try await store.end("ended", text: "final")
            var texts = ["c1": "One", "c2": "Zwei – \"2\"\n\u{0}", "ended": "late", "unknown": "lost"]
            try await store.checkpoint(texts)
            try await store.checkpoint([:])
            let known = texts
            texts["c2"]! += " und mehr"
            texts["c3"] = "Drei"
            try await store.checkpoint(texts, after: known)
            #expect(try await store.conversation(streamID: "stream-c2")?.status == .streaming)
            #expect(try await store.interruptOrphans(notOf: "i2", staleBefore: nil, at: time(9)) == 3)
            for id in ["c1", "c2", "c3"] {
                #expect(try await store.conversation(streamID: "stream-\(id)")?.agentResponse == texts[id])
            }
            #expect(try await store.conversation(streamID: "stream-ended")?.agentResponse == "final")
        }
    }

    @Test(arguments: StoreFactory.all)
    func `a checkpoint that is stored twice is part of the text once`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            try await store.makeRoomAndSession()
            try await store.begin(.sample("c1"))
            try await store.checkpoint(["c1": "one"])
            try await store.checkpoint(["c1": "one two"], after: ["c1": "one"])
            try await store.checkpoint(["c1": "one two three"], after: ["c1": "one"])
            try await store.checkpoint(["c1": "one two three four"], after: ["c1": "one two three"])
            _ = try await store.interruptOrphans(notOf: "i2", staleBefore: nil, at: time(9))
            #expect(try await store.conversation(streamID: "stream-c1")?.agentResponse == "one two three four")
        }
    }

    @Test(arguments: StoreFactory.all)
    func `a whole text stands for all parts before it, which may be forgotten`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            try await store.makeRoomAndSession()
            for id in ["c1", "c2"] { try await store.begin(.sample(id)) }
            try await store.checkpoint(["c1": "one", "c2": "eins"], at: 1)
            try await store.checkpoint(["c1": "one two"], after: ["c1": "one"], at: 2)
            try await store.checkpoint(["c1": "one two three"], isWhole: true, at: 3)
            try await store.checkpoint(["c1": "one two three four"], after: ["c1": "one two three"], at: 4)
            try await store.checkpoint(["c2": "eins zwei"], isWhole: true, at: 5)
            try await store.forgetParts(before: 3)
            try await store.forgetParts(before: 3)
            try await store.checkpoint(["c1": "one two three four 5"], after: ["c1": "one two three four"], at: 6)
            _ = try await store.interruptOrphans(notOf: "i2", staleBefore: nil, at: time(9))
            #expect(try await store.conversation(streamID: "stream-c1")?.agentResponse == "one two three four 5")
            #expect(try await store.conversation(streamID: "stream-c2")?.agentResponse == "eins zwei")
        }
    }

    @Test(arguments: StoreFactory.all)
    func `heartbeats are kept for the streams that are named, and those of ended answers are not`(
        _ stores: StoreFactory
    ) async throws {
        try await stores.withStore { store in
            try await store.makeRoomAndSession()
            for id in ["c1", "c2", "ended"] { try await store.begin(.sample(id)) }
            try await store.end("ended")
            let named = ["c2", "ended", "unknown"].map { "stream-\($0)" }
            try await store.recordHeartbeats(of: named, instanceID: "i1", at: time(40))
            try await store.recordHeartbeats(of: [], instanceID: "i1", at: time(41))
            let streams = try await store.activeStreams()
            #expect(streams.map(\.id) == ["stream-c1", "stream-c2"])
            #expect(streams.map(\.lastHeartbeat) == [time(1), time(40)])
            #expect(streams.allSatisfy { $0.startedAt == time(1) })
        }
    }

    @Test(arguments: StoreFactory.all)
    func `a question that is withdrawn was never asked, and an answer that has ended cannot be`(
        _ stores: StoreFactory
    ) async throws {
        try await stores.withStore { store in
            try await store.makeRoomAndSession()
            try await store.begin(.sample("c1", message: "m1"))
            try await store.converse(.sample("c2", at: 2))
            for id in ["c1", "c2", "unknown"] {
                try await store.withdraw(conversationID: id, streamID: "stream-\(id)")
            }
            #expect(try await store.history(.room("r1")) == ["c2"])
            #expect(try await store.activeStreams() == [])
            #expect(try await store.room(id: "r1")?.messageCount == 1)
            // The message id is free again.
            try await store.begin(.sample("c3", message: "m1"))
            #expect(try await store.conversation(sessionID: "s1", messageID: "m1")?.id == "c3")
        }
    }

    @Test(arguments: StoreFactory.all)
    func `running streams are listed oldest first`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            try await store.makeRoomAndSession()
            for (id, seconds) in [("c1", 30), ("c2", 10), ("c3", 20)] {
                try await store.begin(.sample(id, at: seconds))
            }
            #expect(try await store.activeStreams().map(\.id) == ["stream-c2", "stream-c3", "stream-c1"])
        }
    }

    @Test(arguments: StoreFactory.all)
    func `deleting a session's history spares the running answer and other rooms`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            try await store.makeRoomAndSession()
            try await store.createSession(.sample("s2"), newRoom: nil, roomLimit: 50)
            for index in 0..<3 { try await store.converse(.sample("c\(index)", at: index)) }
            try await store.begin(.sample("running", at: 5))
            try await store.converse(.sample("other", session: "s2"))
            #expect(try await store.deleteConversations(sessionID: "s1", roomID: "r9") == 0)
            #expect(try await store.deleteConversations(sessionID: "s1", roomID: "r1") == 3)
            #expect(try await store.history(.room("r1")) == ["other", "running"])
            #expect(try await store.room(id: "r1")?.messageCount == 2)
            #expect(try await store.end("running"))
        }
    }

    @Test(arguments: StoreFactory.all)
    func `message counts are true after racing questions and deletions`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            try await store.makeRoomAndSession()
            try await store.createSession(.sample("s2"), newRoom: nil, roomLimit: 50)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<60 {
                    group.addTask {
                        let session = index.isMultiple(of: 3) ? "s2" : "s1"
                        try await store.converse(.sample("c\(index)", session: session, at: index))
                    }
                    guard index.isMultiple(of: 10) else { continue }
                    group.addTask { _ = try await store.deleteConversations(sessionID: "s1", roomID: "r1") }
                }
                try await group.waitForAll()
            }
            let page = try await store.conversations(.room("r1"), page: PageRequest(limit: 200))
            #expect(page.total == page.elements.count)
            #expect(page.total >= 20)
            #expect(try await store.room(id: "r1")?.messageCount == page.total)
        }
    }
}
