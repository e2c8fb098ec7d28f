import Primitives
import Storage

/// A time that is `seconds` after the tests' beginning.
func time(_ seconds: Int) -> Timestamp {
    Timestamp(milliseconds: 1_767_225_600_000) + .seconds(seconds)
}

extension Room {
    static func sample(
        _ id: String,
        user: String = "ann",
        name: String = "Chat",
        at seconds: Int = 0,
        metadata: JSONObject = [:]
    ) -> Room {
        Room(
            id: id,
            userID: user,
            name: name,
            createdAt: time(seconds),
            lastActivity: time(seconds),
            metadata: metadata
        )
    }
}

extension Session {
    static func sample(_ id: String, user: String = "ann", room: String = "r1", at seconds: Int = 0) -> Session {
        Session(
            id: id,
            userID: user,
            roomID: room,
            createdAt: time(seconds),
            lastActivity: time(seconds),
            expiresAt: time(seconds + 1800)
        )
    }
}

extension Conversation {
    static func sample(
        _ id: String,
        user: String = "ann",
        session: String = "s1",
        room: String = "r1",
        agent: String = "assistant",
        at seconds: Int = 1,
        message: String? = nil,
        metadata: JSONObject = [:]
    ) -> Conversation {
        Conversation(
            id: id,
            userID: user,
            sessionID: session,
            roomID: room,
            agentType: agent,
            userInput: "question \(id)",
            timestamp: time(seconds),
            streamID: "stream-\(id)",
            messageID: message,
            metadata: metadata
        )
    }
}

extension ActiveStream {
    static func sample(of conversation: Conversation, instance: String = "i1") -> ActiveStream {
        ActiveStream(
            id: conversation.streamID ?? "",
            sessionID: conversation.sessionID,
            roomID: conversation.roomID,
            userID: conversation.userID,
            agentType: conversation.agentType,
            instanceID: instance,
            startedAt: conversation.timestamp,
            lastHeartbeat: conversation.timestamp
        )
    }
}

extension Store {
    /// A room `r1` of `ann` with the session `s1`.
    func makeRoomAndSession() async throws {
        try await createSession(.sample("s1"), newRoom: .sample("r1"), roomLimit: 50)
    }

    /// Another session, with a room of its own.
    func makeRoomAndSession(_ session: String, room: String, user: String = "ann") async throws {
        try await createSession(
            .sample(session, user: user, room: room),
            newRoom: .sample(room, user: user),
            roomLimit: 50
        )
    }

    func begin(_ conversation: Conversation, instance: String = "i1", startsContext: Bool = false) async throws {
        try await begin(
            conversation,
            stream: .sample(of: conversation, instance: instance),
            startsContext: startsContext
        )
    }

    @discardableResult
    func end(
        _ id: String,
        _ status: Conversation.Status = .completed,
        text: String = "answer",
        metadata: JSONObject = [:],
        at seconds: Int = 2
    ) async throws -> Bool {
        try await end(
            ConversationEnd(
                conversationID: id,
                streamID: "stream-\(id)",
                status: status,
                agentResponse: text,
                metadata: metadata,
                at: time(seconds)
            )
        )
    }

    /// Stores `texts`, by conversation, as far as the store does not know them from `known`.
    func checkpoint(
        _ texts: [String: String],
        after known: [String: String] = [:],
        isWhole: Bool = false,
        at time: Int64 = 0
    ) async throws {
        let isWhole = isWhole || storesWholeTexts
        var checkpoint = Checkpoint(time: time)
        for (id, text) in texts {
            let known = known[id, default: ""].utf8.count
            let offset = isWhole ? 0 : known
            checkpoint.add(
                conversationID: id,
                streamID: "stream-\(id)",
                from: offset,
                isWhole: isWhole
            ) { bytes in
                if text.utf8.count > known { bytes.append(contentsOf: text.utf8.dropFirst(offset)) }
            }
        }
        try await self.checkpoint(checkpoint)
    }

    /// A conversation that has ended.
    func converse(_ conversation: Conversation) async throws {
        try await begin(conversation)
        try await end(conversation.id)
    }

    func history(_ filter: ConversationFilter, limit: Int = 50, offset: Int = 0) async throws -> [String] {
        try await conversations(filter, page: PageRequest(limit: limit, offset: offset)).elements.map(\.id)
    }
}
