import Primitives

/// The store's record of a running answer, by which other programs see it, and a later start finds the orphans of a crash.
package struct ActiveStream: Sendable, Equatable {
    package var id: String
    package var sessionID: String
    package var roomID: String
    package var userID: String
    package var agentType: String
    /// The instance of the service that runs it.
    package var instanceID: String
    package var startedAt: Timestamp
    package var cancelRequested: Bool
    package var lastHeartbeat: Timestamp

    package init(
        id: String,
        sessionID: String,
        roomID: String,
        userID: String,
        agentType: String,
        instanceID: String,
        startedAt: Timestamp,
        cancelRequested: Bool = false,
        lastHeartbeat: Timestamp
    ) {
        self.id = id
        self.sessionID = sessionID
        self.roomID = roomID
        self.userID = userID
        self.agentType = agentType
        self.instanceID = instanceID
        self.startedAt = startedAt
        self.cancelRequested = cancelRequested
        self.lastHeartbeat = lastHeartbeat
    }
}
