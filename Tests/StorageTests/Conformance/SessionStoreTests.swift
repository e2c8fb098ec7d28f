import Primitives
import Storage
import Testing

@Suite struct `Sessions` {
    @Test(arguments: StoreFactory.all)
    func `a session comes back as it was stored`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            try await store.createRoom(.sample("r1"), limit: 50)
            var session = Session.sample("s1")
            session.activeAgent = "nurse"
            session.context = SessionContext(from: time(-5), fromByAgent: ["nurse": time(3), "$a.b": time(4)])
            try await store.createSession(session, newRoom: nil, roomLimit: 50)
            #expect(try await store.session(id: "s1", at: time(0)) == session)
            #expect(try await store.session(id: "s2", at: time(0)) == nil)
        }
    }

    @Test(arguments: StoreFactory.all)
    func `a session needs a live room of its own user`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            try await store.createRoom(.sample("r1", user: "bob"), limit: 50)
            await expect(.notOwner) { try await store.createSession(.sample("s1"), newRoom: nil, roomLimit: 50) }
            await expect(.roomNotFound) {
                try await store.createSession(.sample("s1", room: "r2"), newRoom: nil, roomLimit: 50)
            }
            #expect(try await store.session(id: "s1", at: time(0)) == nil)
        }
    }

    @Test(arguments: StoreFactory.all)
    func `a session and its new room are stored both or neither`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            try await store.createSession(.sample("s1"), newRoom: .sample("r1"), roomLimit: 1)
            #expect(try await store.room(id: "r1") == .sample("r1"))
            #expect(try await store.session(id: "s1", at: time(0)) == .sample("s1"))

            await expect(.roomLimitReached) {
                try await store.createSession(.sample("s2", room: "r2"), newRoom: .sample("r2"), roomLimit: 1)
            }
            #expect(try await store.session(id: "s2", at: time(0)) == nil)
            // The session's id is taken, which shows only after the room was written.
            await expect(.failed) {
                try await store.createSession(.sample("s1", room: "r3"), newRoom: .sample("r3"), roomLimit: 50)
            }
            #expect(try await store.room(id: "r3") == nil)
            #expect(try await store.session(id: "s1", at: time(0))?.roomID == "r1")
        }
    }

    @Test(arguments: StoreFactory.all)
    func `a session that has expired is gone for every call`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            try await store.makeRoomAndSession()
            #expect(try await store.session(id: "s1", at: time(1799)) != nil)
            #expect(try await store.sessionCount(at: time(1799)) == 1)

            let end = time(1800)
            #expect(try await store.session(id: "s1", at: end) == nil)
            #expect(try await store.sessionCount(at: end) == 0)
            await expect(.sessionNotFound) { try await store.resetContext(sessionID: "s1", agentType: nil, at: end) }
            await expect(.sessionNotFound) { try await store.deleteSession(id: "s1", at: end) }
            await expect(.sessionNotFound) { try await store.begin(.sample("c1", at: 1800)) }
            #expect(try await store.history(.room("r1")) == [])
            #expect(try await store.activeStreams() == [])
        }
    }

    @Test(arguments: StoreFactory.all)
    func `expired sessions are removed, and only those`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            try await store.createRoom(.sample("r1"), limit: 50)
            for index in 0..<5 {
                let session = Session.sample("s\(index)", at: index * 100)
                try await store.createSession(session, newRoom: nil, roomLimit: 50)
            }
            #expect(try await store.removeExpiredSessions(at: time(1799)) == 0)
            #expect(try await store.removeExpiredSessions(at: time(2000)) == 3)
            #expect(try await store.removeExpiredSessions(at: time(2000)) == 0)
            #expect(try await store.sessionCount(at: time(0)) == 2)
        }
    }

    @Test(arguments: StoreFactory.all)
    func `a deleted session is gone, and its history stays`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            try await store.makeRoomAndSession()
            try await store.converse(.sample("c1"))
            try await store.deleteSession(id: "s1", at: time(3))
            #expect(try await store.session(id: "s1", at: time(3)) == nil)
            #expect(try await store.history(.session("s1", agentType: nil)) == ["c1"])
            #expect(try await store.room(id: "r1")?.messageCount == 1)
            await expect(.sessionNotFound) { try await store.deleteSession(id: "s1", at: time(3)) }
            await expect(.sessionNotFound) { try await store.begin(.sample("c2", at: 4)) }
        }
    }
}
