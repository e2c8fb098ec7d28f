import Primitives

extension SQLiteStore {
    package func begin(
        _ conversation: Conversation,
        stream: ActiveStream,
        startsContext: Bool
    ) async throws(StoreError) {
        try await writer.write { connection throws(StoreError) in
            // All that can fail comes before the first change: see `SQLiteWriter.perform`.
            try connection.requireSession(id: conversation.sessionID, at: conversation.timestamp)
            try connection.requireRoom(id: conversation.roomID)
            try connection.requireNewMessage(conversation)
            try connection.insert(conversation)
            try connection.insert(stream)
            try connection.run(.touchRoom, conversation.timestamp, conversation.roomID)
            try connection.run(
                startsContext ? .touchSessionAndStartContext : .touchSession,
                conversation.timestamp,
                conversation.agentType,
                conversation.sessionID
            )
        }
    }

    package func withdraw(conversationID: String, streamID: String) async throws(StoreError) {
        try await writer.write { connection throws(StoreError) in
            try connection.run(.deleteStream, streamID)
            try connection.run(.withdrawConversation, conversationID)
        }
    }

    package func end(_ end: ConversationEnd) async throws(StoreError) -> Bool {
        precondition(end.status != .streaming, "an answer that has ended is not streaming")
        return try await writer.write { connection throws(StoreError) in
            try connection.run(.deleteStream, end.streamID)
            let changed = try connection.run(
                .endConversation,
                end.status.rawValue,
                end.agentResponse,
                end.metadata,
                end.conversationID
            )
            guard changed > 0 else { return false }
            try connection.run(.touchRoomOfConversation, end.at, end.conversationID)
            try connection.run(.touchSessionOfConversation, end.at, end.conversationID)
            return true
        }
    }

    package func interruptOrphans(
        notOf instanceID: String,
        staleBefore: Timestamp?,
        at time: Timestamp
    ) async throws(StoreError) -> Int {
        let limit = staleBefore ?? Timestamp(milliseconds: .max)
        try await foldJournal()
        return try await writer.write { connection throws(StoreError) in
            let orphans = try connection.orphans(notOf: instanceID, staleBefore: limit)
            for id in orphans {
                try connection.run(.interruptConversation, id)
                try connection.run(.touchRoomOfConversation, time, id)
            }
            try connection.run(.deleteOrphanStreams, instanceID, limit)
            return orphans.count
        }
    }

    package func conversation(streamID: String) async throws(StoreError) -> Conversation? {
        try await readers.read { connection throws(StoreError) in
            let row = try connection.statement(.conversationByStream, streamID)
            return try row.step() ? try Conversation(row: row) : nil
        }
    }

    package func conversation(sessionID: String, messageID: String) async throws(StoreError) -> Conversation? {
        try await readers.read { connection throws(StoreError) in
            let row = try connection.statement(.conversationByMessage, sessionID, messageID)
            return try row.step() ? try Conversation(row: row) : nil
        }
    }

    package func conversations(
        _ filter: ConversationFilter,
        page: PageRequest
    ) async throws(StoreError) -> Page<Conversation> {
        try await readers.read { connection throws(StoreError) in
            try connection.snapshot { () throws(StoreError) in
                switch filter {
                case .user(let user, nil):
                    try connection.page(page, .userConversations, of: .userConversationCount, user)
                case .user(let user, let agent?):
                    try connection.page(page, .userAgentConversations, of: .userAgentConversationCount, user, agent)
                case .session(let session, nil):
                    try connection.page(page, .sessionConversations, of: .sessionConversationCount, session)
                case .session(let session, let agent?):
                    try connection.page(
                        page,
                        .sessionAgentConversations,
                        of: .sessionAgentConversationCount,
                        session,
                        agent
                    )
                case .room(let room):
                    try connection.page(page, .roomConversations, of: .roomConversationCount, room)
                }
            }
        }
    }

    package func deleteConversations(sessionID: String, roomID: String) async throws(StoreError) -> Int {
        try await writer.write { connection throws(StoreError) in
            try connection.run(.deleteSessionConversations, sessionID, roomID)
        }
    }

    package func requestCancellation(sessionID: String, streamID: String?) async throws(StoreError) -> String? { nil }

    package func cancelRequests(instanceID: String) async throws(StoreError) -> [String] { [] }

    package func activeStreams() async throws(StoreError) -> [ActiveStream] {
        try await readers.read { connection throws(StoreError) in
            let rows = try connection.statement(.activeStreams)
            var streams: [ActiveStream] = []
            while try rows.step() { streams.append(ActiveStream(row: rows)) }
            return streams
        }
    }
}

extension SQLiteConnection {
    fileprivate func requireSession(id: String, at time: Timestamp) throws(StoreError) {
        guard try statement(.liveSession, id, time).step() else { throw .noSession(id) }
    }

    fileprivate func requireNewMessage(_ conversation: Conversation) throws(StoreError) {
        guard let message = conversation.messageID else { return }
        guard try !statement(.hasMessage, conversation.sessionID, message).step() else {
            throw StoreError(.duplicateMessage, "session \(conversation.sessionID) has a message \(message)")
        }
    }

    fileprivate func insert(_ conversation: Conversation) throws(StoreError) {
        try run(
            .insertConversation,
            conversation.id,
            conversation.userID,
            conversation.sessionID,
            conversation.roomID,
            conversation.agentType,
            conversation.userInput,
            conversation.agentResponse,
            conversation.timestamp,
            Conversation.Status.streaming.rawValue,
            conversation.streamID,
            conversation.messageID,
            conversation.metadata
        )
    }

    fileprivate func insert(_ stream: ActiveStream) throws(StoreError) {
        try run(
            .insertStream,
            stream.id,
            stream.sessionID,
            stream.roomID,
            stream.userID,
            stream.agentType,
            stream.instanceID,
            stream.startedAt,
            stream.cancelRequested,
            stream.lastHeartbeat
        )
    }

    fileprivate func orphans(notOf instanceID: String, staleBefore: Timestamp) throws(StoreError) -> [String] {
        let rows = try statement(.orphans, instanceID, staleBefore)
        var orphans: [String] = []
        while try rows.step() { orphans.append(rows.text(0)) }
        return orphans
    }

    /// One page of conversations, oldest first, of a list that is kept newest first.
    fileprivate func page<each Key: SQLiteBindable>(
        _ page: PageRequest,
        _ statement: StoreStatement,
        of total: StoreStatement,
        _ keys: repeat each Key
    ) throws(StoreError) -> Page<Conversation> {
        let total = try count(total, repeat each keys)
        let rows = try self.statement(statement, repeat each keys, max(0, page.limit), max(0, page.offset))
        var newestFirst: [Conversation] = []
        while try rows.step() { newestFirst.append(try Conversation(row: rows)) }
        return Page(elements: newestFirst.reversed(), total: total)
    }
}
