import Primitives

/// A session that clients follow, and what its end is known by.
package struct FollowedSession: Sendable, Equatable {
    package var sessionID: String
    package var roomID: String
    package var expiresAt: Timestamp

    package init(sessionID: String, roomID: String, expiresAt: Timestamp) {
        self.sessionID = sessionID
        self.roomID = roomID
        self.expiresAt = expiresAt
    }
}
