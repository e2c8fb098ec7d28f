import Primitives
import Storage
import Testing

@Suite struct `Rooms` {
    @Test(arguments: StoreFactory.all)
    func `a room comes back as it was stored, but with a true message count`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            var room = Room.sample("r1", name: "Ünï ☂ code", at: 3, metadata: ["a": 1])
            room.lastActivity = time(4)
            room.updatedAt = time(5)
            room.messageCount = 99
            try await store.createRoom(room, limit: 1)
            room.messageCount = 0
            #expect(try await store.room(id: "r1") == room)
            #expect(try await store.room(id: "r2") == nil)
        }
    }

    @Test(arguments: StoreFactory.all)
    func `metadata of any shape comes back unchanged`(_ stores: StoreFactory) async throws {
        let metadata: JSONObject = [
            "$where": "1 == 1", "a.b": ["$gt": nil], "": "empty key", "ключ": "значение ☂ 👩‍👩‍👧", "nul": "a\u{0}b",
            "quote\"\\": [1, -2.5, 1e300, true, false, nil, [:], [], ["deep": ["deeper": ["$set": []]]]],
            "large": .integer(.max), "small": .integer(.min), "zero": 0.0, "line": "\n\r\t\u{7F}\u{2028}",
            "a\u{0}key": "nul in a key", "_id": "an id", "0": "digits",
        ]
        try await stores.withStore { store in
            try await store.createRoom(.sample("r1", metadata: metadata), limit: 50)
            #expect(try await store.room(id: "r1")?.metadata == metadata)
            try await store.createRoom(.sample("r2"), limit: 50)
            let updated = try await store.updateRoom(
                id: "r2",
                userID: "ann",
                changes: RoomChanges(metadata: metadata),
                at: time(1)
            )
            #expect(updated.metadata == metadata)
            #expect(try await store.room(id: "r2")?.metadata == metadata)
        }
    }

    @Test(arguments: StoreFactory.all)
    func `text with a NUL inside is kept whole`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            try await store.makeRoomAndSession()
            var conversation = Conversation.sample("c1")
            conversation.userInput = "before\u{0}after"
            try await store.begin(conversation)
            try await store.end("c1", text: "\u{0}")
            let stored = try await store.conversation(streamID: "stream-c1")
            #expect(stored?.userInput == "before\u{0}after")
            #expect(stored?.agentResponse == "\u{0}")
        }
    }

    @Test(arguments: StoreFactory.all)
    func `of a hundred racing creates exactly fifty succeed`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            try await store.createRoom(.sample("other", user: "bob"), limit: 50)
            let created = await withTaskGroup(of: Bool.self) { group in
                for index in 0..<100 {
                    group.addTask {
                        do throws(StoreError) {
                            // Both ways to a room race for the same limit.
                            if index.isMultiple(of: 2) {
                                try await store.createRoom(.sample("r\(index)"), limit: 50)
                            } else {
                                let session = Session.sample("s\(index)", room: "r\(index)")
                                try await store.createSession(session, newRoom: .sample("r\(index)"), roomLimit: 50)
                            }
                            return true
                        } catch {
                            #expect(error.code == .roomLimitReached)
                            return false
                        }
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(created == 50)
            let page = try await store.rooms(userID: "ann", order: RoomOrder(), page: PageRequest(limit: 100))
            #expect(page.total == 50)
            #expect(Set(page.elements.map(\.room.id)).count == 50)
        }
    }

    @Test(arguments: StoreFactory.all)
    func `a deleted room makes place for another`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            try await store.createRoom(.sample("r1"), limit: 1)
            await expect(.roomLimitReached) { try await store.createRoom(.sample("r2"), limit: 1) }
            _ = try await store.deleteRoom(id: "r1", userID: "ann", at: time(1))
            try await store.createRoom(.sample("r2"), limit: 1)
        }
    }

    @Test(arguments: StoreFactory.all)
    func `changes leave what is not named, and metadata is replaced as a whole`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            let room = Room.sample("r1", metadata: ["a": 1, "b": 2])
            try await store.createRoom(room, limit: 50)
            var expected = room
            expected.name = "New"
            expected.updatedAt = time(7)
            let renamed = try await store.updateRoom(
                id: "r1",
                userID: "ann",
                changes: RoomChanges(name: "New"),
                at: time(7)
            )
            #expect(renamed == expected)
            expected.metadata = ["c": 3]
            expected.updatedAt = time(8)
            let replaced = try await store.updateRoom(
                id: "r1",
                userID: "ann",
                changes: RoomChanges(metadata: ["c": 3]),
                at: time(8)
            )
            #expect(replaced == expected)
            #expect(try await store.room(id: "r1") == expected)
        }
    }

    @Test(arguments: StoreFactory.all)
    func `only the owner changes and deletes a room`(_ stores: StoreFactory) async throws {
        try await stores.withStore { store in
            let room = Room.sample("r1")
            try await store.createRoom(room, limit: 50)
            let changes = RoomChanges(name: "Mine")
            await expect(.notOwner) {
                try await store.updateRoom(id: "r1", userID: "bob", changes: changes, at: time(1))
            }
            await expect(.notOwner) { try await store.deleteRoom(id: "r1", userID: "bob", at: time(1)) }
            await expect(.roomNotFound) {
                try await store.updateRoom(id: "r2", userID: "ann", changes: changes, at: time(1))
            }
            await expect(.roomNotFound) { try await store.deleteRoom(id: "r2", userID: "ann", at: time(1)) }
            #expect(try await store.room(id: "r1") == room)
        }
    }

    @Test(arguments: StoreFactory.all)
    func `a deleted room is gone for every call, with its conversations and sessions`(
        _ stores: StoreFactory
    ) async throws {
        try await stores.withStore { store in
            try await store.makeRoomAndSession()
            try await store.makeRoomAndSession("s2", room: "r2")
            try await store.converse(.sample("c1"))
            try await store.begin(.sample("c2", at: 2, message: "m"))
            try await store.converse(.sample("kept", session: "s2", room: "r2"))

            #expect(try await store.deleteRoom(id: "r1", userID: "ann", at: time(3)) == 2)

            #expect(try await store.room(id: "r1") == nil)
            await expect(.roomNotFound) { try await store.deleteRoom(id: "r1", userID: "ann", at: time(4)) }
            // Also for others, who must not learn that it was there.
            await expect(.roomNotFound) { try await store.deleteRoom(id: "r1", userID: "bob", at: time(4)) }
            await expect(.roomNotFound) {
                try await store.updateRoom(id: "r1", userID: "ann", changes: RoomChanges(name: "x"), at: time(4))
            }
            await expect(.roomNotFound) {
                try await store.createSession(.sample("s3"), newRoom: nil, roomLimit: 50)
            }
            await expect(.sessionNotFound) { try await store.begin(.sample("c3", at: 4)) }
            #expect(try await store.session(id: "s1", at: time(4)) == nil)
            #expect(try await store.history(.room("r1")) == [])
            #expect(try await store.history(.user("ann", agentType: nil)) == ["kept"])
            #expect(try await store.conversation(streamID: "stream-c2") == nil)
            #expect(try await store.conversation(sessionID: "s1", messageID: "m") == nil)
            #expect(try await store.activeStreams() == [])
            #expect(try await store.end("c2") == false)
            let page = try await store.rooms(userID: "ann", order: RoomOrder(), page: PageRequest(limit: 10))
            #expect(page.elements.map(\.room.id) == ["r2"])
            #expect(page.total == 1)
        }
    }
}
