import Primitives
import Storage
import Testing

@Suite struct `What agents see of a session` {
    private static func context(_ store: any Store, limit: Int = 50) async throws -> [String] {
        let session = try #require(try await store.session(id: "s1", at: time(1000)))
        let seen = try await store.context(of: session, limit: limit).map(\.id)
        if limit >= 50 { #expect(try await store.contextCount(of: session) == seen.count) }
        return seen
    }

    @Test(arguments: StoreFactory.all)
    func `the context is the session's ended conversations, oldest first`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            try await store.makeRoomAndSession()
            try await store.createSession(.sample("s2"), newRoom: nil, roomLimit: 50)
            for (index, status) in [Conversation.Status.completed, .cancelled, .interrupted, .failed].enumerated() {
                try await store.begin(.sample("c\(index)", at: index))
                try await store.end("c\(index)", status)
            }
            try await store.converse(.sample("other", session: "s2", at: 2))
            try await store.begin(.sample("running", at: 9))
            #expect(try await Self.context(store) == ["c0", "c1", "c2", "c3"])
            #expect(try await Self.context(store, limit: 2) == ["c2", "c3"])
            #expect(try await Self.context(store, limit: 0) == [])
        }
    }

    @Test(arguments: StoreFactory.all)
    func `a reset hides what was before and keeps it stored`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            try await store.makeRoomAndSession()
            for index in 1...3 { try await store.converse(.sample("c\(index)", at: index * 10)) }
            #expect(try await store.resetContext(sessionID: "s1", agentType: nil, at: time(30)) == 3)
            // From that time on, itself included.
            #expect(try await Self.context(store) == ["c3"])
            #expect(try await store.resetContext(sessionID: "s1", agentType: nil, at: time(31)) == 1)
            #expect(try await Self.context(store) == [])
            #expect(try await store.resetContext(sessionID: "s1", agentType: nil, at: time(32)) == 0)
            #expect(try await store.history(.session("s1", agentType: nil)) == ["c1", "c2", "c3"])
            #expect(try await store.session(id: "s1", at: time(32))?.context == SessionContext(from: time(32)))
        }
    }

    @Test(arguments: StoreFactory.all)
    func `a reset of one agent leaves the others'`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            try await store.makeRoomAndSession()
            try await store.converse(.sample("a1", agent: "doctor", at: 1))
            try await store.converse(.sample("b1", agent: "nu\"rse.$", at: 2))
            try await store.converse(.sample("a2", agent: "doctor", at: 3))
            #expect(try await store.resetContext(sessionID: "s1", agentType: "doctor", at: time(3)) == 2)
            #expect(try await Self.context(store) == ["b1", "a2"])
            #expect(try await Self.context(store, limit: 1) == ["a2"])
            #expect(try await store.resetContext(sessionID: "s1", agentType: "nu\"rse.$", at: time(4)) == 1)
            #expect(try await Self.context(store) == ["a2"])
            // A reset of all makes those of single agents void.
            #expect(try await store.resetContext(sessionID: "s1", agentType: nil, at: time(2)) == 1)
            #expect(try await Self.context(store) == ["b1", "a2"])
            await expect(.sessionNotFound) {
                try await store.resetContext(sessionID: "s2", agentType: "doctor", at: time(1))
            }
        }
    }

    @Test(arguments: StoreFactory.all)
    func `a question can start the context anew`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            try await store.makeRoomAndSession()
            try await store.converse(.sample("c1", at: 1))
            _ = try await store.resetContext(sessionID: "s1", agentType: "assistant", at: time(100))
            try await store.begin(.sample("c2", at: 50), startsContext: true)
            try await store.end("c2", at: 51)
            try await store.converse(.sample("c3", at: 52))
            #expect(try await Self.context(store) == ["c2", "c3"])
            #expect(try await store.session(id: "s1", at: time(60))?.context == SessionContext(from: time(50)))
        }
    }
}
