import Primitives

/// Rooms. Deleted rooms are invisible to every call.
package protocol RoomStore: Sendable {
    /// Stores a new room; durable when it returns.
    ///
    /// - Throws: `.roomLimitReached` when the user has `limit` live rooms. Concurrent calls cannot pass the limit.
    func createRoom(_ room: Room, limit: Int) async throws(StoreError)

    /// - Returns: the room, or nil if there is none or it is deleted.
    func room(id: String) async throws(StoreError) -> Room?

    /// One page of a user's rooms, each with its newest conversation, in a constant number of queries.
    func rooms(userID: String, order: RoomOrder, page: PageRequest) async throws(StoreError) -> Page<RoomSummary>

    /// - Returns: the room as it is now.
    /// - Throws: `.roomNotFound`, `.notOwner`.
    func updateRoom(
        id: String,
        userID: String,
        changes: RoomChanges,
        at time: Timestamp
    ) async throws(StoreError) -> Room

    /// Marks the room deleted, removes its conversations and ends its sessions, all at once.
    ///
    /// - Returns: how many conversations were removed.
    /// - Throws: `.roomNotFound`, `.notOwner`.
    func deleteRoom(id: String, userID: String, at time: Timestamp) async throws(StoreError) -> Int
}
