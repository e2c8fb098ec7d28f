import Primitives
import Storage

extension JSONValue {
    init(_ time: Timestamp) {
        self = .string(time.description)
    }

    /// The text, or null.
    init(_ text: String?) {
        self = text.map(JSONValue.string) ?? .null
    }
}

extension Room {
    var json: JSONObject {
        var object: JSONObject = [
            "room_id": .string(id),
            "user_id": .string(userID),
            "room_name": .string(name),
            "created_at": JSONValue(createdAt),
            "last_activity": JSONValue(lastActivity),
        ]
        if let updatedAt { object["updated_at"] = JSONValue(updatedAt) }
        object["message_count"] = .integer(Int64(messageCount))
        object["metadata"] = .object(metadata)
        return object
    }
}

extension RoomSummary {
    /// How many characters of the last answer a list shows: Unicode scalars, as everywhere in this API, which also bounds
    /// the bytes.
    private static let excerptLength = 100

    var json: JSONObject {
        var object = room.json
        object["last_message"] =
            lastMessage.map { message in
                [
                    "user_input": .string(message.userInput),
                    "agent_response": .string(Self.excerpt(of: message.agentResponse)),
                    "agent_type": .string(message.agentType),
                    "timestamp": JSONValue(message.timestamp),
                ]
            } ?? .null
        return object
    }

    private static func excerpt(of text: String) -> String {
        let scalars = text.unicodeScalars
        let end = scalars.index(scalars.startIndex, offsetBy: excerptLength, limitedBy: scalars.endIndex)
        guard let end, end < scalars.endIndex else { return text }
        return String(scalars[..<end]) + "..."
    }
}

extension Conversation {
    var json: JSONObject {
        [
            "conversation_id": .string(id),
            "timestamp": JSONValue(timestamp),
            "user_input": .string(userInput),
            "agent_response": .string(agentResponse),
            "agent_type": .string(agentType),
            "session_id": .string(sessionID),
            "room_id": .string(roomID),
            "status": .string(status.rawValue),
            "metadata": .object(metadata),
        ]
    }
}

extension Session {
    var json: JSONObject {
        [
            "session_id": .string(id),
            "user_id": .string(userID),
            "room_id": .string(roomID),
            "created_at": JSONValue(createdAt),
            "expires_at": JSONValue(expiresAt),
        ]
    }
}

extension Page {
    /// The members of a page that every list has: `total`, `page`, `page_size`, `has_more`.
    func json(named name: String, _ request: PageRequest, _ element: (Element) -> JSONObject) -> JSONObject {
        [
            name: .array(elements.map { .object(element($0)) }),
            "total": .integer(Int64(total)),
            "page": .integer(Int64(request.offset / request.limit + 1)),
            "page_size": .integer(Int64(request.limit)),
            "has_more": .bool(request.offset + elements.count < total),
        ]
    }
}
