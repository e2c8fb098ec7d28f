import Primitives

/// A room: what a user calls a chat.
package struct Room: Sendable, Equatable {
    package var id: String
    package var userID: String
    package var name: String
    package var createdAt: Timestamp
    package var lastActivity: Timestamp
    package var updatedAt: Timestamp?
    /// How many conversations the room holds. Kept by the store; what is given at creation is ignored.
    package var messageCount: Int
    package var metadata: JSONObject

    package init(
        id: String,
        userID: String,
        name: String,
        createdAt: Timestamp,
        lastActivity: Timestamp,
        updatedAt: Timestamp? = nil,
        messageCount: Int = 0,
        metadata: JSONObject = [:]
    ) {
        self.id = id
        self.userID = userID
        self.name = name
        self.createdAt = createdAt
        self.lastActivity = lastActivity
        self.updatedAt = updatedAt
        self.messageCount = messageCount
        self.metadata = metadata
    }
}

/// A room in a list, with its newest conversation, if there is one.
package struct RoomSummary: Sendable, Equatable {
    package var room: Room
    package var lastMessage: Conversation?

    package init(room: Room, lastMessage: Conversation?) {
        self.room = room
        self.lastMessage = lastMessage
    }
}

/// How a list of rooms is ordered. Rooms that compare equal are ordered by their id, so that pages never overlap.
package struct RoomOrder: Sendable, Equatable {
    package enum Key: String, Sendable, CaseIterable {
        case lastActivity = "last_activity"
        case createdAt = "created_at"
        case name = "room_name"
    }

    package var key: Key
    package var descending: Bool

    package init(key: Key = .lastActivity, descending: Bool = true) {
        self.key = key
        self.descending = descending
    }
}

/// What to change in a room; nil leaves a field as it is. Metadata is replaced, not merged.
package struct RoomChanges: Sendable, Equatable {
    package var name: String?
    package var metadata: JSONObject?

    package init(name: String? = nil, metadata: JSONObject? = nil) {
        self.name = name
        self.metadata = metadata
    }
}
