import Primitives
import Streaming

/// What is told of a stream to other instances: an entry of its Redis stream, and a message to those who follow it.
///
/// On the wire a line of ASCII, and what follows it: `w <sequence> <length of the origin>`, the origin as JSON, and the answer so far; `e <first> <next> <until>`,
/// or with an `h` where they are hidden, and events as they stand in a log; `s <instance> <request>`.
enum StreamEntry: Equatable {
    /// The beginning of a copy: whose stream it is, what the events before `sequence` add up to.
    case whole(StreamOrigin, sequence: Int, answer: [UInt8])
    case events(Events)
    /// The stream is stopped: no event but the terminal one may be shown any more. That instance waits to be told that none is.
    case sealed(by: String, request: Int)

    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        switch self {
        case .whole(let origin, let sequence, let answer):
            let json = JSONValue.object(origin.json).encoded
            bytes.append(ascii: "w ")
            bytes.append(decimal: sequence)
            bytes.append(ascii: " ")
            bytes.append(decimal: json.count)
            bytes.append(ascii: "\n")
            bytes += json
            bytes += answer
        case .events(let events):
            bytes.append(ascii: events.areHidden ? "h " : "e ")
            bytes.append(decimal: events.first)
            bytes.append(ascii: " ")
            bytes.append(decimal: events.next)
            bytes.append(ascii: " ")
            bytes.append(decimal: Int(events.until))
            bytes.append(ascii: "\n")
            bytes += events.bytes
        case .sealed(let instance, let request):
            bytes.append(ascii: "s ")
            bytes.append(utf8: instance)
            bytes.append(ascii: " ")
            bytes.append(decimal: request)
            bytes.append(ascii: "\n")
        }
        return bytes
    }

    /// - Returns: nil for what is no entry.
    init?(_ bytes: [UInt8]) {
        guard let end = bytes.firstIndex(of: 0x0A) else { return nil }
        let words = bytes[..<end].split(separator: 0x20).map { String(decoding: $0, as: UTF8.self) }
        if words.count == 3, words[0] == "s", let request = Int(words[2]) {
            self = .sealed(by: words[1], request: request)
            return
        }
        let numbers = words.dropFirst().map { Int($0) ?? -1 }
        // Far more than a stream has events, and far from what numbers hold.
        guard numbers.allSatisfy({ 0..<1 << 48 ~= $0 }) else { return nil }
        let rest = bytes[(end + 1)...]
        switch (words.first, numbers.count) {
        case ("w", 2):
            guard numbers[1] <= rest.count, let json = try? JSONParser.parse(Array(rest.prefix(numbers[1]))),
                let origin = json.objectValue.flatMap(StreamOrigin.init)
            else { return nil }
            self = .whole(origin, sequence: numbers[0], answer: Array(rest.dropFirst(numbers[1])))
        case ("e", 3), ("h", 3):
            guard numbers[0] < numbers[1] else { return nil }
            self = .events(
                Events(
                    first: numbers[0],
                    next: numbers[1],
                    bytes: Array(rest),
                    until: Int64(numbers[2]),
                    areHidden: words[0] == "h"
                )
            )
        default: return nil
        }
    }
}

extension StreamEntry {
    /// Events from `first` on, up to but without `next`.
    struct Events: Equatable {
        var first: Int
        var next: Int
        /// As they stand in a log.
        var bytes: [UInt8]
        /// Whoever hears of them later, in milliseconds by Redis's clock, must not show them: they may have been stopped
        /// meanwhile. 0: no limit.
        var until: Int64 = 0
        /// Whether they were stopped before they were told: nobody is shown them, but for a terminal one.
        var areHidden = false
    }
}

/// Whose stream it is: what an instance must know of one that another makes.
struct StreamOrigin: Sendable, Equatable {
    var streamID: String
    var sessionID: String
    var roomID: String
    var userID: String
    var agentType: String

    var json: JSONObject {
        [
            "stream_id": .string(streamID), "session_id": .string(sessionID), "room_id": .string(roomID),
            "user_id": .string(userID), "agent_type": .string(agentType),
        ]
    }

    init?(_ json: JSONObject) {
        guard let streamID = json["stream_id"]?.stringValue, let sessionID = json["session_id"]?.stringValue,
            let roomID = json["room_id"]?.stringValue, let userID = json["user_id"]?.stringValue,
            let agentType = json["agent_type"]?.stringValue
        else { return nil }
        self.streamID = streamID
        self.sessionID = sessionID
        self.roomID = roomID
        self.userID = userID
        self.agentType = agentType
    }
}

extension StreamOrigin {
    init(_ stream: LiveStream) {
        streamID = stream.id
        sessionID = stream.sessionID
        roomID = stream.roomID
        userID = stream.userID
        agentType = stream.agentType
    }
}
