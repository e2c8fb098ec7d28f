import Primitives

extension ConversationEnd {
    /// The conversation's part comes first and decides; the same end, sent again as its answer was lost, does the rest again,
    /// and hears again that it was the one.
    static func perform(
        _ ends: [ConversationEnd],
        _ connection: borrowing MongoConnection
    ) throws(MongoError) -> [Result<Bool, StoreError>] {
        var batch = MongoEndingBatch(ends)
        try batch.end(connection)
        try connection.removeStreams(ends.map(\.streamID))
        try batch.touch(connection)
        return batch.answers.map { $0 ?? .success(false) }
    }
}

private struct MongoEndingBatch {
    /// What is stored of a conversation.
    private struct Stored {
        var conversationID: String
        var roomID: String
        var sessionID: String
        var status: String?
        var endedAt: Timestamp?
    }

    private let ends: [ConversationEnd]
    /// By stream.
    private var stored: [String: Stored] = [:]
    private(set) var answers: [Result<Bool, StoreError>?]

    init(_ ends: [ConversationEnd]) {
        self.ends = ends
        answers = Array(repeating: nil, count: ends.count)
    }

    mutating func end(_ connection: borrowing MongoConnection) throws(MongoError) {
        try read(connection)
        // Of two ends of one stream, which races can bring, the first is tried; what is stored then tells about the other.
        var tried: Set<String> = []
        let running = ends.indices.filter { index in
            isRunning(ends[index]) && tried.insert(ends[index].streamID).inserted
        }
        let tooLong = running.filter { ends[$0].agentResponse.utf8.count > Checkpoint.textLimit }
        for index in tooLong {
            answers[index] = .failure(StoreError(.failed, "conversation \(ends[index].conversationID) is too long"))
        }
        let changed = running.filter { answers[$0] == nil }
        let result = try connection.write(MongoSchema.conversations) { bulk throws(MongoError) in
            for index in changed {
                let end = ends[index]
                try bulk.update(
                    .runningConversation(id: end.conversationID, streamID: end.streamID),
                    .change(set: [
                        "status": .string(end.status.rawValue), "agent_response": .string(end.agentResponse),
                        "metadata": .json(.object(end.metadata)), "ended_at": .date(end.at),
                    ])
                )
            }
        }
        for error in result.errors { answers[changed[error.index]] = .failure(error.storeError) }
        if result.matched == changed.count {
            for index in changed { answers[index] = .success(true) }
        }
        guard answers.contains(where: { $0 == nil }) else { return }
        if !changed.isEmpty { try read(connection) }
        for (index, end) in ends.enumerated() where answers[index] == nil { answers[index] = .success(isStored(end)) }
    }

    mutating func read(_ connection: borrowing MongoConnection) throws(MongoError) {
        var found: [String: Stored] = [:]
        try connection.find(
            MongoSchema.conversations,
            ["stream_id": .anyOf(ends.map(\.streamID))],
            options: [
                "projection": [
                    "stream_id": 1, "conversation_id": 1, "room_id": 1, "session_id": 1, "status": 1, "ended_at": 1,
                ]
            ]
        ) { view throws(MongoError) in
            found[try view.string("stream_id")] = Stored(
                conversationID: view.optionalString("conversation_id") ?? "",
                roomID: view.optionalString("room_id") ?? "",
                sessionID: view.optionalString("session_id") ?? "",
                status: view.optionalString("status"),
                endedAt: view.optionalDate("ended_at")
            )
        }
        stored = found
    }

    private func isRunning(_ end: ConversationEnd) -> Bool {
        guard let stored = stored[end.streamID] else { return false }
        return stored.conversationID == end.conversationID && stored.status == Conversation.Status.streaming.rawValue
    }

    /// Whether it was this end that ended the conversation.
    private func isStored(_ end: ConversationEnd) -> Bool {
        guard let stored = stored[end.streamID], stored.conversationID == end.conversationID else { return false }
        return stored.status == end.status.rawValue && stored.endedAt == end.at
    }

    /// The last activity of rooms and sessions.
    func touch(_ connection: borrowing MongoConnection) throws(MongoError) {
        var rooms: [String: Timestamp] = [:]
        var sessions: [String: Timestamp] = [:]
        for (index, end) in ends.enumerated() {
            guard case .success(true) = answers[index], let stored = stored[end.streamID] else { continue }
            rooms[stored.roomID] = max(rooms[stored.roomID] ?? end.at, end.at)
            sessions[stored.sessionID] = max(sessions[stored.sessionID] ?? end.at, end.at)
        }
        try connection.touch(MongoSchema.rooms, "room_id", rooms)
        try connection.touch(MongoSchema.sessions, "session_id", sessions)
    }
}

extension BSONDocument {
    static func runningConversation(id: String, streamID: String) -> BSONDocument {
        ["stream_id": .string(streamID), "conversation_id": .string(id), "status": "streaming"]
    }
}

extension MongoConnection {
    /// Sets the last activity of the rooms or sessions with these ids, where it is before the time given.
    func touch(_ collection: String, _ id: StaticString, _ times: [String: Timestamp]) throws(MongoError) {
        _ = try write(collection) { bulk throws(MongoError) in
            for (text, time) in times {
                try bulk.update(
                    BSONDocument([(id, .string(text)), ("last_activity", ["$lt": .date(time)])]),
                    .change(set: ["last_activity": .date(time)])
                )
            }
        }
    }
}
