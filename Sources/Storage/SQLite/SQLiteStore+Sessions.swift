import Primitives

extension SQLiteStore {
    package func createSession(_ session: Session, newRoom: Room?, roomLimit: Int) async throws(StoreError) {
        try await writer.write { connection throws(StoreError) in
            if let newRoom { try connection.createRoom(newRoom, limit: roomLimit) }
            try connection.requireRoom(id: session.roomID, ownedBy: session.userID)
            try connection.run(
                .insertSession,
                session.id,
                session.userID,
                session.roomID,
                session.createdAt,
                session.lastActivity,
                session.expiresAt,
                session.activeAgent,
                session.context.from,
                session.context.storedAgents
            )
        }
    }

    package func session(id: String, at time: Timestamp) async throws(StoreError) -> Session? {
        try await readers.read { connection throws(StoreError) in
            try connection.session(id: id, at: time)
        }
    }

    package func resetContext(
        sessionID: String,
        agentType: String?,
        at time: Timestamp
    ) async throws(StoreError) -> Int {
        try await writer.write { connection throws(StoreError) in
            guard var session = try connection.session(id: sessionID, at: time) else { throw .noSession(sessionID) }
            let cleared = try connection.contextCount(of: session, agentType: agentType)
            if let agentType {
                session.context.fromByAgent[agentType] = time
            } else {
                session.context = SessionContext(from: time)
            }
            try connection.run(.setContext, session.context.from, session.context.storedAgents, sessionID)
            return cleared
        }
    }

    package func contextCount(of session: Session) async throws(StoreError) -> Int {
        try await readers.read { connection throws(StoreError) in
            try connection.contextCount(of: session)
        }
    }

    package func context(of session: Session, limit: Int) async throws(StoreError) -> [Conversation] {
        try await readers.read { connection throws(StoreError) in
            let context = session.context
            let rows = try connection.statement(.contextConversations, session.id, context.start)
            var newestFirst: [Conversation] = []
            while newestFirst.count < limit, try rows.step() {
                let conversation = try Conversation(row: rows)
                if context.includes(agentType: conversation.agentType, at: conversation.timestamp) {
                    newestFirst.append(conversation)
                }
            }
            return newestFirst.reversed()
        }
    }

    package func deleteSession(id: String, at time: Timestamp) async throws(StoreError) {
        try await writer.write { connection throws(StoreError) in
            guard try connection.run(.deleteSession, id, time) > 0 else { throw .noSession(id) }
        }
    }

    package func sessionCount(at time: Timestamp) async throws(StoreError) -> Int {
        try await readers.read { connection throws(StoreError) in
            try connection.count(.sessionCount, time)
        }
    }

    package func removeExpiredSessions(at time: Timestamp) async throws(StoreError) -> Int {
        try await writer.write { connection throws(StoreError) in
            try connection.run(.deleteExpiredSessions, time)
        }
    }
}

extension SQLiteConnection {
    fileprivate func session(id: String, at time: Timestamp) throws(StoreError) -> Session? {
        let row = try statement(.session, id, time)
        return try row.step() ? try Session(row: row) : nil
    }

    /// How many ended conversations of the session's context there are, of one agent or of all.
    fileprivate func contextCount(of session: Session, agentType: String? = nil) throws(StoreError) -> Int {
        let context = session.context
        let rows = try statement(.contextKeys, session.id, context.start)
        var count = 0
        while try rows.step() {
            let agent = rows.text(0)
            guard agentType == nil || agentType == agent else { continue }
            if context.includes(agentType: agent, at: rows.time(1)) { count += 1 }
        }
        return count
    }
}

extension SessionContext {
    /// Where to begin to look.
    fileprivate var start: Timestamp { from ?? Timestamp(milliseconds: .min) }
}
