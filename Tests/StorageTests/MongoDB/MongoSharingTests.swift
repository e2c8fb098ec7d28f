import Primitives
import Testing

@testable import Storage

/// What other instances and other programs do to the same database.
@Suite(.enabled(if: MongoTestServer.isConfigured)) struct `A shared MongoDB` {
    @Test func `a heartbeat tells of answers that others have ended or deleted`() async throws {
        try await withMongoStore { store in
            try await store.makeRoomAndSession()
            try await store.makeRoomAndSession("s2", room: "r2")
            try await store.begin(.sample("c1"), instance: "i1")
            try await store.begin(.sample("c2", session: "s2", room: "r2"), instance: "i1")
            try await store.begin(.sample("c3"), instance: "i1")
            let streams = ["c1", "c2", "c3"].map { "stream-\($0)" }
            #expect(try await store.recordHeartbeats(of: streams, instanceID: "i1", at: time(9)) == [])
            _ = try await store.deleteRoom(id: "r2", userID: "ann", at: time(9))
            try await store.end("c3", .interrupted)
            let ended = try await store.recordHeartbeats(of: streams, instanceID: "i1", at: time(9))
            #expect(Set(ended) == ["stream-c2", "stream-c3"])
            #expect(try await store.activeStreams().map(\.id) == ["stream-c1"])
        }
    }

    @Test func `a stop for another instance is left in its record`() async throws {
        try await withMongoStore { store in
            try await store.makeRoomAndSession()
            try await store.begin(.sample("c1"), instance: "i1")
            #expect(try await store.requestCancellation(sessionID: "s1", streamID: "stream-x") == nil)
            #expect(try await store.requestCancellation(sessionID: "s2", streamID: nil) == nil)
            #expect(try await store.cancelRequests(instanceID: "i1") == [])
            #expect(try await store.requestCancellation(sessionID: "s1", streamID: nil) == "stream-c1")
            #expect(try await store.cancelRequests(instanceID: "i1") == ["stream-c1"])
            #expect(try await store.cancelRequests(instanceID: "i2") == [])
        }
    }

    @Test(arguments: [JSONValue.null, "1", .double(1.5), .double(2), .integer(.max)])
    func `a session whose version is odd can be reset`(version: JSONValue) async throws {
        try await withMongoStore { store in
            try await store.makeRoomAndSession()
            let changed = try await store.changeForeign(MongoSchema.sessions) {
                (["session_id": "s1"], ["$set": ["context_version": .json(version)]])
            }
            #expect(changed == 1)
            for agent in [nil, "assistant"] {
                _ = try await store.resetContext(sessionID: "s1", agentType: agent, at: time(5))
            }
            #expect(try await store.session(id: "s1", at: time(5))?.context.from == time(5))
        }
    }

    @Test func `documents that cannot be read keep no others from their users`() async throws {
        try await withMongoStore { store in
            try await store.makeRoomAndSession()
            try await store.converse(.sample("c1", at: 1))
            try await store.insertForeign(MongoSchema.rooms) {
                [
                    ["room_id": 7, "user_id": "ann", "created_at": .date(time(1)), "last_activity": .date(time(3))],
                    ["room_id": "odd", "user_id": "ann", "created_at": "yesterday", "last_activity": .date(time(3))],
                    [
                        "room_id": "bad", "user_id": "ann", "created_at": .date(time(1)),
                        "last_activity": .date(time(2)),
                    ],
                ]
            }
            try await store.insertForeign(MongoSchema.conversations) {
                ["bad", "r1"].map { ["room_id": .string($0), "user_id": "ann", "timestamp": "some time"] }
            }
            let page = try await store.rooms(userID: "ann", order: RoomOrder(), page: PageRequest(limit: 9))
            #expect(Set(page.elements.map(\.room.id)) == ["r1", "bad"])
            #expect(page.elements.first { $0.room.id == "r1" }?.lastMessage?.id == "c1")
            #expect(try await store.history(.room("r1")) == ["c1"])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<100 {
                    group.addTask {
                        let room = try await store.room(id: index.isMultiple(of: 2) ? "r1" : "bad")
                        #expect(room != nil)
                    }
                }
                try await group.waitForAll()
            }
        }
    }
}
