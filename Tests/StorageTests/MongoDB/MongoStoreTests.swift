import CMongoC
import Primitives
import Testing

@testable import Storage

@Suite(.enabled(if: MongoTestServer.isConfigured)) struct `The MongoDB store` {
    @Test func `documents have the types of the schema, also after updates`() async throws {
        try await withMongoStore { store in
            try await store.makeRoomAndSession()
            try await store.converse(.sample("c1", at: 7, metadata: ["$k": ["a.b": 1]]))
            try await store.begin(.sample("c2", at: 8), startsContext: true)
            try await store.checkpoint(["c2": "x"])
            try await store.recordHeartbeats(of: ["stream-c2"], instanceID: "i1", at: time(9))
            _ = try await store.updateRoom(id: "r1", userID: "ann", changes: RoomChanges(name: "n"), at: time(9))

            let dates: [(String, [StaticString])] = [
                (MongoSchema.rooms, ["created_at", "last_activity", "updated_at"]),
                (MongoSchema.sessions, ["created_at", "last_activity", "expires_at", "context_from"]),
                (MongoSchema.conversations, ["timestamp"]),
                (MongoSchema.streams, ["started_at", "last_heartbeat"]),
            ]
            for (collection, fields) in dates {
                let missing = try await store.all(collection) { view in
                    fields.filter { view.optionalDate($0) == nil }.map { "\($0)" }
                }
                #expect(!missing.isEmpty && missing.allSatisfy(\.isEmpty), "\(collection) \(missing)")
            }
            let stored = try await store.all(MongoSchema.conversations) { $0.optionalObject("metadata") }
            #expect(stored.count == 2 && !stored.contains(nil))
            let rooms = try await store.all(MongoSchema.rooms) { $0.optionalBool("is_deleted") }
            #expect(rooms == [false])
            // For other programs, which read it in the document.
            #expect(try await store.all(MongoSchema.rooms) { $0.optionalInteger("message_count") } == [2])
        }
    }

    @Test func `what another program wrote is read, with what it left out`() async throws {
        try await withMongoStore { store in
            try await store.insertForeign(MongoSchema.rooms) {
                [["room_id": "r1", "user_id": "ann", "created_at": .date(time(1)), "last_activity": .date(time(2))]]
            }
            try await store.insertForeign(MongoSchema.conversations) {
                [
                    [
                        "conversation_id": "c1", "user_id": "ann", "room_id": "r1", "session_id": nil,
                        "user_input": "hello", "agent_response": "world", "timestamp": .date(time(2)),
                        "metadata": ["seen": .date(time(3)), "tokens": 7],
                    ]
                ]
            }
            let room = try #require(try await store.room(id: "r1"))
            #expect(room == Room.sample("r1", name: "", at: 1, activity: 2, count: 1))
            let page = try await store.rooms(userID: "ann", order: RoomOrder(), page: PageRequest(limit: 5))
            #expect(page.elements.map(\.room) == [room])
            let conversation = try #require(page.elements.first?.lastMessage)
            #expect(conversation.status == .completed)
            #expect(conversation.agentResponse == "world")
            #expect(conversation.metadata == ["seen": "2026-01-01T00:00:03.000Z", "tokens": 7])
            #expect(try await store.history(.room("r1")) == ["c1"])
            // It is not a running answer, and so nobody's orphan.
            #expect(try await store.interruptOrphans(notOf: "i1", staleBefore: nil, at: time(9)) == 0)
            try await store.createSession(.sample("s1"), newRoom: nil, roomLimit: 1)
            try await store.converse(.sample("c2", at: 5))
            #expect(try await store.room(id: "r1")?.messageCount == 2)
            try await store.insertForeign(MongoSchema.conversations) {
                [["session_id": "s1", "room_id": "r1", "user_id": "ann", "timestamp": .date(time(6))]]
            }
            let session = try #require(try await store.session(id: "s1", at: time(6)))
            #expect(try await store.contextCount(of: session) == 2)
            #expect(try await store.deleteConversations(sessionID: "s1", roomID: "r1") == 2)
            let renamed = try await store.updateRoom(
                id: "r1",
                userID: "ann",
                changes: RoomChanges(name: "Mine"),
                at: time(7)
            )
            #expect(renamed.name == "Mine")
            #expect(try await store.deleteRoom(id: "r1", userID: "ann", at: time(8)) == 1)
        }
    }

    @Test func `a document that lacks what it must have is named`() async throws {
        try await withMongoStore { store in
            try await store.insertForeign(MongoSchema.rooms) { [["room_id": "r1", "created_at": .date(time(0))]] }
            do throws(StoreError) {
                _ = try await store.room(id: "r1")
                Issue.record("no error was thrown")
            } catch {
                #expect(error == StoreError(.failed, "chat_rooms: the field user_id is missing or no text"))
            }
        }
    }

    @Test func `of racing creates on several instances exactly as many succeed as the limit allows`() async throws {
        try await withMongoStores(3) { stores in
            // Rooms without places, as another program makes them, count as well.
            try await stores[0].insertForeign(MongoSchema.rooms) {
                (0..<5).map { ["room_id": .string("old\($0)"), "user_id": "ann", "created_at": .date(time($0))] }
            }
            let created = await withTaskGroup(of: Bool.self) { group in
                for index in 0..<60 {
                    group.addTask {
                        do throws(StoreError) {
                            try await stores[index % 3].createRoom(.sample("r\(index)"), limit: 20)
                            return true
                        } catch {
                            #expect(error.code == .roomLimitReached)
                            return false
                        }
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(created == 15)
            let page = try await stores[0].rooms(userID: "ann", order: RoomOrder(), page: PageRequest(limit: 100))
            #expect(page.total == 20)
            // A smaller limit holds as well, once there is room below it.
            await expect(.roomLimitReached) { try await stores[1].createRoom(.sample("more"), limit: 10) }
            for room in page.elements.prefix(11) {
                _ = try await stores[2].deleteRoom(id: room.room.id, userID: "ann", at: time(9))
            }
            try await stores[1].createRoom(.sample("more"), limit: 10)
            await expect(.roomLimitReached) { try await stores[0].createRoom(.sample("too many"), limit: 10) }
            let slots = try await stores[0].all(MongoSchema.rooms) { view in
                view.optionalBool("is_deleted") == true ? nil : view.optionalInteger("slot")
            }
            #expect(Set(slots.compactMap(\.self)) == Set(0..<10))
        }
    }

    @Test func `a room's id that is taken is no matter of the limit`() async throws {
        try await withMongoStore { store in
            try await store.createRoom(.sample("r1"), limit: 5)
            await expect(.failed) { try await store.createRoom(.sample("r1", user: "bob"), limit: 5) }
            #expect(try await store.room(id: "r1")?.userID == "ann")
        }
    }

    @Test func `a question whose beginning a crash broke off leaves nothing running`() async throws {
        try await withMongoStore { store in
            try await store.makeRoomAndSession()
            // After the record of the stream, and after the conversation.
            let early = Conversation.sample("early")
            try await store.insertForeign(MongoSchema.streams) {
                [ActiveStream.sample(of: early, instance: "dead").document]
            }
            let late = Conversation.sample("late", at: 2)
            try await store.insertForeign(MongoSchema.streams) {
                [ActiveStream.sample(of: late, instance: "dead").document]
            }
            try await store.insertForeign(MongoSchema.conversations) { [late.document] }
            // After an outage so long that the record expired.
            try await store.insertForeign(MongoSchema.conversations) { [Conversation.sample("older").document] }

            #expect(try await store.interruptOrphans(notOf: "i1", staleBefore: time(30), at: time(60)) == 2)
            #expect(try await store.activeStreams() == [])
            #expect(try await store.conversation(streamID: "stream-late")?.status == .interrupted)
            #expect(try await store.conversation(streamID: "stream-older")?.status == .interrupted)
            #expect(try await store.room(id: "r1")?.lastActivity == time(60))
            #expect(try await store.all(MongoSchema.rooms) { $0.optionalInteger("message_count") } == [2])
        }
    }

    @Test func `a deletion that a crash broke off is gone on with`() async throws {
        try await withMongoStore { store in
            try await store.makeRoomAndSession()
            try await store.converse(.sample("c1"))
            let marked = try await store.changeForeign(MongoSchema.rooms) {
                (
                    ["room_id": "r1"],
                    ["$set": ["is_deleted": true, "purge_pending": true], "$unset": ["slot": ""]]
                )
            }
            #expect(marked == 1)
            #expect(try await store.room(id: "r1") == nil)
            #expect(try await store.interruptOrphans(notOf: "i1", staleBefore: time(0), at: time(60)) == 0)
            #expect(try await store.history(.user("ann", agentType: nil)) == [])
            #expect(try await store.session(id: "s1", at: time(2)) == nil)
            #expect(try await store.all(MongoSchema.rooms) { $0.optionalBool("purge_pending") } == [nil])
        }
    }

    @Test func `an end that is sent again, as its answer was lost, is the same end`() async throws {
        try await withMongoStore { store in
            try await store.makeRoomAndSession()
            try await store.begin(.sample("c1"))
            #expect(try await store.end("c1", .cancelled, text: "part", at: 9))
            #expect(try await store.end("c1", .cancelled, text: "part", at: 9))
            #expect(try await store.end("c1", .completed, text: "whole", at: 9) == false)
            #expect(try await store.end("c1", .cancelled, text: "part", at: 10) == false)
        }
    }

    @Test func `racing ends of one answer have one winner, also on several instances`() async throws {
        try await withMongoStores(2) { stores in
            try await stores[0].makeRoomAndSession()
            for round in 0..<5 {
                let id = "c\(round)"
                try await stores[0].begin(.sample(id))
                let winners = try await withThrowingTaskGroup(of: Int?.self) { group in
                    for index in 0..<8 {
                        group.addTask { try await stores[index % 2].end(id, text: "\(index)", at: index) ? index : nil }
                    }
                    return try await group.reduce(into: []) { winners, winner in
                        if let winner { winners.append(winner) }
                    }
                }
                #expect(winners.count == 1)
                let stored = try await stores[1].conversation(streamID: "stream-\(id)")
                #expect(stored?.agentResponse == winners.first.map { "\($0)" })
            }
        }
    }

    @Test func `a request to cancel that another program stores is seen`() async throws {
        try await withMongoStore { store in
            try await store.makeRoomAndSession()
            try await store.begin(.sample("c1"))
            #expect(try await store.activeStreams().map(\.cancelRequested) == [false])
            let matched = try await store.changeForeign(MongoSchema.streams) {
                (["stream_id": "stream-c1"], ["$set": ["cancel_requested": true]])
            }
            #expect(matched == 1)
            #expect(try await store.activeStreams().map(\.cancelRequested) == [true])
        }
    }

    @Test func `a record that the server removed comes back with a heartbeat, unless the answer has ended`()
        async throws
    {
        try await withMongoStore { store in
            try await store.makeRoomAndSession()
            try await store.begin(.sample("c1"), instance: "i1")
            let record = try await store.activeStreams()
            try await store.removeForeign(MongoSchema.streams) { ["stream_id": "stream-c1"] }
            let time = record[0].lastHeartbeat
            try await store.recordHeartbeats(of: ["stream-c1"], instanceID: "i1", at: time)
            #expect(try await store.activeStreams() == record)
            #expect(try await store.end("c1"))
            try await store.recordHeartbeats(of: ["stream-c1"], instanceID: "i1", at: time)
            #expect(try await store.activeStreams() == [])
        }
    }
}

extension Room {
    fileprivate static func sample(_ id: String, name: String, at seconds: Int, activity: Int, count: Int) -> Room {
        var room = sample(id, name: name, at: seconds)
        room.lastActivity = time(activity)
        room.messageCount = count
        return room
    }
}
