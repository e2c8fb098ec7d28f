import CMongoC
import Primitives
import Testing

@testable import Storage

@Suite(.enabled(if: MongoTestServer.isConfigured)) struct `Commands to MongoDB` {
    @Test func `listing rooms takes the same few commands however many rooms there are`() async throws {
        try await withLoggedStore { store, log in
            var commands: [[String]] = []
            for count in [1, 40] {
                for index in 0..<count {
                    let id = "\(count)-\(index)"
                    try await store.makeRoomAndSession("s\(id)", room: "r\(id)")
                    try await store.converse(.sample("c\(id)", session: "s\(id)", room: "r\(id)", at: index))
                }
                _ = log.take()
                let page = try await store.rooms(userID: "ann", order: RoomOrder(), page: PageRequest(limit: 50))
                #expect(page.elements.count >= count)
                #expect(page.elements.allSatisfy { $0.lastMessage != nil && $0.room.messageCount == 1 })
                commands.append(log.take().summary)
            }
            #expect(
                commands[0] == ["find chat_rooms", "aggregate conversation_history", "find conversation_history"]
            )
            #expect(commands[1] == commands[0])
        }
    }

    @Test func `the heartbeats and the texts of all streams go out as one write to each collection`() async throws {
        try await withLoggedStore { store, log in
            try await store.makeRoomAndSession()
            for index in 0..<30 { try await store.begin(.sample("c\(index)")) }
            _ = log.take()
            let ids = (0..<30).map { "c\($0)" }
            try await store.recordHeartbeats(of: ids.map { "stream-\($0)" }, instanceID: "i1", at: time(5))
            try await store.checkpoint(Dictionary(uniqueKeysWithValues: ids.map { ($0, "x") }))
            let commands = log.take()
            #expect(commands.summary == ["update active_streams", "update conversation_history"])
            let updates = commands.map { $0.document["updates"]?.arrayValue ?? [] }
            #expect(updates.map(\.count) == [1, 30])
            let beating = updates[0].first?.objectValue?["q"]?.objectValue?["stream_id"]?.objectValue?["$in"]
            #expect(beating?.arrayValue?.count == 30)
        }
    }

    @Test func `questions that come together go out together`() async throws {
        try await withLoggedStore { store, log in
            try await store.makeRoomAndSession()
            _ = log.take()
            // All threads are held, so that the questions wait.
            let held = (0..<4).map { _ in Latch() }
            let isReleased = Gate()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for isHeld in held {
                    group.addTask {
                        try await store.pool.run { _ throws(MongoError) in
                            isHeld.open()
                            isReleased.wait()
                        }
                    }
                }
                for isHeld in held { await isHeld.wait() }
                for index in 0..<25 { group.addTask { try await store.begin(.sample("c\(index)")) } }
                group.addTask {
                    while store.beginnings.waitingCount < 25 { await Task.yield() }
                    for _ in 0..<4 { isReleased.signal() }
                }
                try await group.waitForAll()
            }
            let commands = log.take()
            #expect(
                commands.summary == [
                    "find sessions", "find chat_rooms", "insert active_streams", "insert conversation_history",
                    "update chat_rooms", "update sessions",
                ]
            )
            #expect(commands[3].document["documents"]?.arrayValue?.count == 25)
            #expect(try await store.room(id: "r1")?.messageCount == 25)
        }
    }

    @Test func `every write asks for the majority's acknowledgement`() async throws {
        try await withLoggedStore { store, log in
            try await exercise(store)
            let writes = log.take().filter { ["insert", "update", "delete", "findAndModify"].contains($0.name) }
            #expect(Set(writes.map(\.name)).count == 4)
            for write in writes {
                #expect(write.document["writeConcern"]?.objectValue?["w"] == "majority", "\(write.name)")
            }
        }
    }

    @Test func `texts of users are never keys`() async throws {
        let evil = ["$where", "a.b", "$ne", "user_id", "is_deleted"]
        try await withLoggedStore { store, log in
            for text in evil {
                let session = "s\(text)", room = "r\(text)"
                try await store.createSession(
                    .sample(session, user: text, room: room),
                    newRoom: .sample(room, user: text, name: text),
                    roomLimit: 50
                )
                try await store.converse(
                    .sample("c\(text)", user: text, session: session, room: room, agent: text, message: text)
                )
                _ = try await store.resetContext(sessionID: session, agentType: text, at: time(1))
                let context = try await store.session(id: session, at: time(2))?.context
                #expect(context?.fromByAgent == [text: time(1)])
                #expect(try await store.history(.user(text, agentType: text)) == ["c\(text)"])
                #expect(try await store.conversation(sessionID: session, messageID: text)?.id == "c\(text)")
            }
            let used = log.take().reduce(into: Set<String>()) { $0.formUnion(keys(in: .object($1.document))) }
            #expect(used.isDisjoint(with: ["$where", "a.b", "r$where", "s$where", "ra.b"]))
            #expect(used.isSuperset(of: ["user_id", "$nin", "updates"]))
        }
    }

    @Test func `the indexes are those of the schema`() async throws {
        try await withLoggedStore { store, log in
            try await store.createIndexes()
            try await store.createIndexes()
            let made = log.take().createdIndexes
            expectContract(made)
            #expect(made["chat_rooms.user_slot_unique_idx"]?["unique"] == true)
            #expect(
                made["chat_rooms.user_slot_unique_idx"]?["partialFilterExpression"] == ["slot": ["$exists": true]]
            )
        }
    }
}

/// All keys, but those of metadata.
private func keys(in value: JSONValue) -> Set<String> {
    switch value {
    case .object(let object):
        object.members.reduce(into: []) { all, member in
            all.insert(member.key)
            if member.key != "metadata" { all.formUnion(keys(in: member.value)) }
        }
    case .array(let values): values.reduce(into: []) { $0.formUnion(keys(in: $1)) }
    default: []
    }
}

/// Calls everything that a store can do.
func exercise(_ store: any Store) async throws {
    try await store.makeRoomAndSession()
    try await store.makeRoomAndSession("s2", room: "r2")
    try await store.converse(.sample("c1", at: 1, message: "m1"))
    try await store.converse(.sample("c2", at: 1))
    try await store.begin(.sample("c3", at: 3), startsContext: true)
    try await store.checkpoint(["c3": "so"])
    try await store.recordHeartbeats(of: ["stream-c2", "stream-c3"], instanceID: "i1", at: time(4))
    _ = try await store.requestCancellation(sessionID: "s1", streamID: nil)
    _ = try await store.requestCancellation(sessionID: "s1", streamID: "stream-c3")
    _ = try await store.cancelRequests(instanceID: "i1")
    try await store.begin(.sample("c4", at: 4))
    try await store.withdraw(conversationID: "c4", streamID: "stream-c4")
    for order in RoomOrder.Key.allCases {
        _ = try await store.rooms(userID: "ann", order: RoomOrder(key: order), page: PageRequest(limit: 1, offset: 1))
    }
    _ = try await store.room(id: "r1")
    _ = try await store.updateRoom(id: "r1", userID: "ann", changes: RoomChanges(name: "x"), at: time(5))
    let session = try await store.session(id: "s1", at: time(5))
    if let session {
        _ = try await store.context(of: session, limit: 5)
        _ = try await store.contextCount(of: session)
    }
    _ = try await store.resetContext(sessionID: "s1", agentType: "assistant", at: time(2))
    _ = try await store.resetContext(sessionID: "s1", agentType: nil, at: time(2))
    _ = try await store.conversation(streamID: "stream-c1")
    _ = try await store.conversation(sessionID: "s1", messageID: "m1")
    let filters: [ConversationFilter] = [
        .user("ann", agentType: nil), .user("ann", agentType: "assistant"), .session("s1", agentType: nil),
        .session("s1", agentType: "assistant"), .room("r1"),
    ]
    for filter in filters { _ = try await store.conversations(filter, page: PageRequest(limit: 2, offset: 1)) }
    _ = try await store.activeStreams()
    _ = try await store.interruptOrphans(notOf: "i2", staleBefore: time(20), at: time(30))
    _ = try await store.sessionCount(at: time(0))
    _ = try await store.deleteConversations(sessionID: "s1", roomID: "r1")
    _ = try await store.deleteRoom(id: "r2", userID: "ann", at: time(6))
    try await store.deleteSession(id: "s1", at: time(6))
    _ = try await store.removeExpiredSessions(at: time(0))
}

/// Blocks a thread that is not one of Swift's.
private final class Gate: Sendable {
    private let queue = JobQueue<Void>()

    func signal() { _ = queue.add(()) }
    func wait() { _ = queue.take() }
}
