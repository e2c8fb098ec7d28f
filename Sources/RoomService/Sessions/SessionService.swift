import Primitives
import Storage

/// Makes sessions and finds them.
struct SessionService: Sendable {
    let store: any Store
    let rateLimiter: RateLimiter
    let ids: any IdentifierGenerator
    let time: any TimeSource
    let roomLimit: Int
    /// From a session's making to its end.
    let timeout: Duration
    /// How long a session may be idle before its context is cleared.
    let idleTime: Duration

    /// Makes a session in the user's room, or in a new one.
    ///
    /// - Throws: `NOT_FOUND`, `ACCESS_DENIED`, `ROOM_LIMIT_EXCEEDED`, `RATE_LIMIT_EXCEEDED`.
    func create(userID: String, roomID: String?) async throws(APIError) -> Session {
        try await rateLimiter.check(.writes, key: userID)
        let now = time.now
        let newRoom = roomID == nil ? Room.new(id: ids.uuid(prefix: "room_", at: now), userID: userID, at: now) : nil
        let session = Session(
            id: ids.uuid(prefix: "session_", at: now),
            userID: userID,
            roomID: roomID ?? newRoom?.id ?? "",
            createdAt: now,
            lastActivity: now,
            expiresAt: now + timeout
        )
        try await storing(roomLimit: roomLimit) { () throws(StoreError) in
            try await store.createSession(session, newRoom: newRoom, roomLimit: roomLimit)
        }
        return session
    }

    /// - Throws: `NOT_FOUND` when there is none of that id, or it has ended.
    func session(_ id: String) async throws(APIError) -> Session {
        let now = time.now
        let session = try await storing { () throws(StoreError) in try await store.session(id: id, at: now) }
        guard let session else { throw .sessionNotFound }
        return session
    }

    /// Whether the session has been idle for so long that its context counts as cleared. The store forgets it with the
    /// next question.
    func hasIdled(_ session: Session, at now: Timestamp) -> Bool {
        now.since(session.lastActivity) >= idleTime
    }
}
