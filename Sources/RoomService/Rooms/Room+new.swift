import Primitives
import Storage

extension Room {
    /// A room that is made now; without a name it is called after the minute.
    static func new(
        id: String,
        userID: String,
        name: String? = nil,
        metadata: JSONObject = [:],
        at now: Timestamp
    ) -> Room {
        Room(
            id: id,
            userID: userID,
            name: name ?? defaultName(at: now),
            createdAt: now,
            lastActivity: now,
            metadata: metadata
        )
    }

    /// `Chat YYYY-MM-DD HH:MM`, in UTC.
    private static func defaultName(at now: Timestamp) -> String {
        let text = now.description
        return "Chat \(text.prefix(10)) \(text.dropFirst(11).prefix(5))"
    }
}
