import Primitives

extension MongoStore {
    /// The session comes before its new room: a crash between them leaves a session that nobody has heard of and that expires.
    package func createSession(_ session: Session, newRoom: Room?, roomLimit: Int) async throws(StoreError) {
        guard let newRoom, newRoom.id == session.roomID else {
            if let newRoom { try await createRoom(newRoom, limit: roomLimit) }
            try await requireRoom(id: session.roomID, ownedBy: session.userID)
            return try await sessionInsertions.submit(session)
        }
        guard newRoom.userID == session.userID else {
            throw StoreError(.notOwner, "room \(newRoom.id) is not user \(session.userID)'s")
        }
        try await sessionInsertions.submit(session)
        do throws(StoreError) {
            try await createRoom(newRoom, limit: roomLimit)
        } catch {
            // Where this fails as well, the session expires.
            try? await removeSession(id: session.id)
            throw error
        }
    }

    private func requireRoom(id: String, ownedBy userID: String) async throws(StoreError) {
        try await pool.run { connection throws(MongoError) in
            guard let room = try connection.room(id: id) else { throw .store(.noRoom(id)) }
            guard room.userID == userID else {
                throw .store(StoreError(.notOwner, "room \(id) is not user \(userID)'s"))
            }
        }
    }

    private func removeSession(id: String) async throws(StoreError) {
        _ = try await pool.run { connection throws(MongoError) in
            try connection.removeSessions(["session_id": .string(id)])
        }
    }

    package func session(id: String, at time: Timestamp) async throws(StoreError) -> Session? {
        guard let session = try await sessionLookups.submit(id), time < session.expiresAt else { return nil }
        return session
    }

    package func resetContext(
        sessionID: String,
        agentType: String?,
        at time: Timestamp
    ) async throws(StoreError) -> Int {
        try await pool.run { connection throws(MongoError) in
            // Another reset that comes between makes the version another: then this one looks again.
            for _ in 0..<Self.resetRounds {
                guard let (session, version) = try connection.sessionAndVersion(id: sessionID, at: time) else {
                    throw .store(.noSession(sessionID))
                }
                let cleared = try connection.contextCount(of: session, agentType: agentType)
                var context = SessionContext(from: time)
                if let agentType {
                    context = session.context
                    context.fromByAgent[agentType] = time
                }
                if try connection.setContext(context, ofSession: sessionID, version: version) { return cleared }
            }
            throw .store(StoreError(.unavailable, "session \(sessionID) is reset by too many at once"))
        }
    }

    /// Each round that fails is one in which another reset succeeded.
    private static let resetRounds = 50

    package func contextCount(of session: Session) async throws(StoreError) -> Int {
        try await pool.run { connection throws(MongoError) in
            try connection.contextCount(of: session, agentType: nil)
        }
    }

    package func context(of session: Session, limit: Int) async throws(StoreError) -> [Conversation] {
        guard limit > 0 else { return [] }
        return try await pool.run { connection throws(MongoError) in
            let options: BSONDocument = ["sort": ["timestamp": -1, "_id": -1], "limit": .int64(Int64(limit))]
            var newestFirst: [Conversation] = []
            try connection.find(MongoSchema.conversations, .context(of: session), options: options) {
                view throws(MongoError) in
                if let conversation = Conversation.readable(view) { newestFirst.append(conversation) }
            }
            return newestFirst.reversed()
        }
    }

    package func deleteSession(id: String, at time: Timestamp) async throws(StoreError) {
        try await pool.run { connection throws(MongoError) in
            guard try connection.removeSessions(.liveSession(id: id, at: time)) > 0 else {
                throw .store(.noSession(id))
            }
        }
    }

    package func sessionCount(at time: Timestamp) async throws(StoreError) -> Int {
        try await pool.run { connection throws(MongoError) in
            try connection.count(MongoSchema.sessions, ["expires_at": ["$gt": .date(time)]])
        }
    }

    package func removeExpiredSessions(at time: Timestamp) async throws(StoreError) -> Int {
        try await pool.run { connection throws(MongoError) in
            try connection.removeSessions(["expires_at": ["$lte": .date(time)]])
        }
    }
}

extension Session {
    /// Looks for sessions by their ids, expired ones as well. One that cannot be read is the trouble of those alone who ask
    /// for it.
    static func find(
        _ ids: [String],
        _ connection: borrowing MongoConnection
    ) throws(MongoError) -> [Result<Session?, StoreError>] {
        var found: [String: Result<Session, StoreError>] = [:]
        try connection.find(MongoSchema.sessions, ["session_id": .anyOf(ids)]) { view in
            guard let id = view.optionalString("session_id") else { return }
            found[id] = view.decoded { view throws(MongoError) in try Session(view) }
        }
        return ids.map { id in found[id].map { $0.map { $0 } } ?? .success(nil) }
    }

    /// Stores new sessions.
    static func insert(
        _ sessions: [Session],
        _ connection: borrowing MongoConnection
    ) throws(MongoError) -> [Result<Void, StoreError>] {
        let result = try connection.write(MongoSchema.sessions) { bulk throws(MongoError) in
            for session in sessions { try bulk.insert(session.document) }
        }
        var answers = [Result<Void, StoreError>](repeating: .success(()), count: sessions.count)
        for error in result.errors { answers[error.index] = .failure(error.storeError) }
        return answers
    }
}

extension BSONDocument {
    fileprivate static func liveSession(id: String, at time: Timestamp) -> BSONDocument {
        ["session_id": .string(id), "expires_at": ["$gt": .date(time)]]
    }

    /// The ended conversations that agents see of the session: of all agents, or of one.
    fileprivate static func context(of session: Session, agentType: String? = nil) -> BSONDocument {
        let filter: BSONDocument = ["session_id": .string(session.id), "status": .isNot("streaming")]
        filter.append("agent_type", ifPresent: agentType.map { .string($0) })
        filter.append("timestamp", ifPresent: session.context.from.map { ["$gte": .date($0)] })
        let hidden: [BSONValue] = session.context.fromByAgent.map { agent, from in
            ["agent_type": .string(agent), "timestamp": ["$lt": .date(from)]]
        }
        return filter.append("$nor", ifPresent: hidden.isEmpty ? nil : .array(hidden))
    }
}

extension MongoConnection {
    fileprivate func removeSessions(_ filter: BSONDocument) throws(MongoError) -> Int {
        try write(MongoSchema.sessions) { bulk throws(MongoError) in try bulk.removeAll(filter) }.removed
    }

    fileprivate func contextCount(of session: Session, agentType: String?) throws(MongoError) -> Int {
        try count(MongoSchema.conversations, .context(of: session, agentType: agentType))
    }

    fileprivate func sessionAndVersion(id: String, at time: Timestamp) throws(MongoError) -> (Session, Int?)? {
        try findOne(MongoSchema.sessions, .liveSession(id: id, at: time)) { view throws(MongoError) in
            (try Session(view), view.optionalInteger("context_version"))
        }
    }

    /// - Parameter version: nil where the session has none, or something that is no number: then it is given one.
    /// - Returns: false when the context is no longer of that version.
    fileprivate func setContext(
        _ context: SessionContext,
        ofSession id: String,
        version: Int?
    ) throws(MongoError) -> Bool {
        let filter: BSONDocument = ["session_id": .string(id)]
        filter.append("context_version", ifPresent: version.map { .int64(Int64($0)) })
        let set: BSONDocument = [
            "context_from": .optional(context.from), "context_from_by_agent": context.agentsAsArray,
            "context_version": .int64(Int64(version ?? 0) &+ 1),
        ]
        let result = try write(MongoSchema.sessions) { bulk throws(MongoError) in
            try bulk.update(filter, .change(set: set))
        }
        if let error = result.errors.first { throw .store(error.storeError) }
        return result.matched > 0
    }
}
