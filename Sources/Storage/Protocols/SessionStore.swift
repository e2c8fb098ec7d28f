import Primitives

/// Sessions. One that has expired is gone for every call.
package protocol SessionStore: Sendable {
    /// Stores a session, and with it `newRoom`, where one is given, all at once.
    ///
    /// - Throws: `.roomNotFound` and `.notOwner` for the session's room, `.roomLimitReached` for the new one.
    func createSession(_ session: Session, newRoom: Room?, roomLimit: Int) async throws(StoreError)

    func session(id: String, at time: Timestamp) async throws(StoreError) -> Session?

    /// Starts the context of one agent, or of all, anew: only conversations from `time` on are seen.
    ///
    /// - Returns: how many conversations were in that context until now.
    /// - Throws: `.sessionNotFound`.
    func resetContext(
        sessionID: String,
        agentType: String?,
        at time: Timestamp
    ) async throws(StoreError) -> Int

    /// How many conversations the agents see of this session.
    func contextCount(of session: Session) async throws(StoreError) -> Int

    /// The conversations that the agents see of this session, ended ones only, oldest first, at most the newest `limit`.
    func context(of session: Session, limit: Int) async throws(StoreError) -> [Conversation]

    /// - Throws: `.sessionNotFound`.
    func deleteSession(id: String, at time: Timestamp) async throws(StoreError)

    /// How many sessions have not expired.
    func sessionCount(at time: Timestamp) async throws(StoreError) -> Int

    /// Removes sessions that have expired.
    ///
    /// - Returns: how many.
    func removeExpiredSessions(at time: Timestamp) async throws(StoreError) -> Int
}
