import Primitives

extension MongoStore {
    package func begin(
        _ conversation: Conversation,
        stream: ActiveStream,
        startsContext: Bool
    ) async throws(StoreError) {
        try await beginnings.submit(
            MongoBeginning(conversation: conversation, stream: stream, startsContext: startsContext)
        )
    }

    package func withdraw(conversationID: String, streamID: String) async throws(StoreError) {
        try await pool.run { connection throws(MongoError) in
            let running: BSONDocument = .runningConversation(id: conversationID, streamID: streamID)
            let room = try connection.findOne(MongoSchema.conversations, running) { $0.optionalString("room_id") }
            _ = try connection.write(MongoSchema.conversations) { bulk throws(MongoError) in try bulk.removeAll(running)
            }
            try connection.removeStreams([streamID])
            if let room = room ?? nil { try connection.correctCounts(ofRooms: [room]) }
        }
    }

    package func end(_ end: ConversationEnd) async throws(StoreError) -> Bool {
        precondition(end.status != .streaming, "an answer that has ended is not streaming")
        return try await endings.submit(end)
    }

    package func conversation(streamID: String) async throws(StoreError) -> Conversation? {
        try await pool.run { connection throws(MongoError) in
            try connection.conversation(["stream_id": .string(streamID)])
        }
    }

    package func conversation(sessionID: String, messageID: String) async throws(StoreError) -> Conversation? {
        try await pool.run { connection throws(MongoError) in
            try connection.conversation(["session_id": .string(sessionID), "message_id": .string(messageID)])
        }
    }

    package func conversations(
        _ filter: ConversationFilter,
        page: PageRequest
    ) async throws(StoreError) -> Page<Conversation> {
        try await pool.run { connection throws(MongoError) in
            let total = try connection.count(MongoSchema.conversations, filter.document, from: .preferred)
            guard page.limit > 0, page.offset < total else { return Page(elements: [], total: total) }
            if filter.isOrderedByIndex, let newestFirst = try connection.conversationsByIndex(filter, page) {
                return Page(elements: newestFirst.reversed(), total: total)
            }
            return Page(elements: try connection.conversations(filter, page).reversed(), total: total)
        }
    }

    package func deleteConversations(sessionID: String, roomID: String) async throws(StoreError) -> Int {
        try await pool.run { connection throws(MongoError) in
            let removed = try connection.write(MongoSchema.conversations) { bulk throws(MongoError) in
                try bulk.removeAll([
                    "session_id": .string(sessionID), "room_id": .string(roomID), "status": .isNot("streaming"),
                ])
            }.removed
            guard removed > 0 else { return 0 }
            // For other programs: this one counts.
            _ = try connection.write(MongoSchema.rooms) { bulk throws(MongoError) in
                try bulk.update(
                    ["room_id": .string(roomID)],
                    ["$inc": ["message_count": .int32(Int32(clamping: -removed))]]
                )
            }
            return removed
        }
    }

    package func requestCancellation(sessionID: String, streamID: String?) async throws(StoreError) -> String? {
        try await pool.run { connection throws(MongoError) in
            let filter: BSONDocument = ["session_id": .string(sessionID)]
            filter.append("stream_id", ifPresent: streamID.map { .string($0) })
            return try connection.findAndUpdate(
                MongoSchema.streams,
                filter,
                .change(set: ["cancel_requested": true])
            ) { record throws(MongoError) in try record.string("stream_id") }
        }
    }

    package func cancelRequests(instanceID: String) async throws(StoreError) -> [String] {
        try await pool.run { connection throws(MongoError) in
            let requests: BSONDocument = ["instance_id": .string(instanceID), "cancel_requested": true]
            return try connection.streamIDs(requests)
        }
    }

    package func activeStreams() async throws(StoreError) -> [ActiveStream] {
        try await pool.run { connection throws(MongoError) in
            var streams: [ActiveStream] = []
            try connection.find(MongoSchema.streams, [:], options: ["sort": ["started_at": 1, "_id": 1]]) {
                view throws(MongoError) in
                streams.append(try ActiveStream(view))
            }
            return streams
        }
    }
}

extension ConversationFilter {
    fileprivate var document: BSONDocument {
        switch self {
        case .user(let user, let agent):
            let filter: BSONDocument = ["user_id": .string(user)]
            return filter.append("agent_type", ifPresent: agent.map { .string($0) })
        case .session(let session, let agent):
            let filter: BSONDocument = ["session_id": .string(session)]
            return filter.append("agent_type", ifPresent: agent.map { .string($0) })
        case .room(let room):
            return ["room_id": .string(room)]
        }
    }

    /// Whether an index has the conversations in the order of their times. A session's are few, and are sorted.
    fileprivate var isOrderedByIndex: Bool {
        if case .session = self { false } else { true }
    }
}

extension BSONDocument {
    /// The options of `find` for one page.
    static func page(_ page: PageRequest, sort: BSONDocument) -> BSONDocument {
        [
            "sort": .document(sort), "skip": .int64(Int64(max(0, page.offset))), "limit": .int64(Int64(page.limit)),
        ]
    }
}

extension MongoConnection {
    fileprivate func conversation(_ filter: BSONDocument) throws(MongoError) -> Conversation? {
        try findOne(MongoSchema.conversations, filter) { view throws(MongoError) in try Conversation(view) }
    }

    /// One page, newest first, in the exact order: of two at the same time, the one that was stored later is the newer.
    /// The server sorts all that match.
    fileprivate func conversations(
        _ filter: ConversationFilter,
        _ page: PageRequest
    ) throws(MongoError) -> [Conversation] {
        let options = BSONDocument.page(page, sort: ["timestamp": -1, "_id": -1])
        var newestFirst: [Conversation] = []
        try find(MongoSchema.conversations, filter.document, options: options, from: .preferred) {
            view throws(MongoError) in
            if let conversation = Conversation.readable(view) { newestFirst.append(conversation) }
        }
        return newestFirst
    }

    /// One page, newest first, as the index has it: the server reads no more than the page. Nil when two are of the same
    /// time, which the index does not order: also when it is the first or last with its neighbour on another page.
    fileprivate func conversationsByIndex(
        _ filter: ConversationFilter,
        _ page: PageRequest
    ) throws(MongoError) -> [Conversation]? {
        let before = page.offset > 0 ? 1 : 0
        let wider = PageRequest(limit: before + page.limit + 1, offset: max(0, page.offset) - before)
        var newestFirst: [Conversation] = []
        var areDistinct = true
        let options = BSONDocument.page(wider, sort: ["timestamp": -1])
        try find(MongoSchema.conversations, filter.document, options: options, from: .preferred) {
            view throws(MongoError) in
            guard let conversation = Conversation.readable(view) else { return }
            if conversation.timestamp == newestFirst.last?.timestamp { areDistinct = false }
            newestFirst.append(conversation)
        }
        return areDistinct ? Array(newestFirst.dropFirst(before).prefix(page.limit)) : nil
    }
}
