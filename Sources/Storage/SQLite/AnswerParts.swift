import Primitives

/// The rows of the journal of running answers: JSON, `[["conversation id", offset in bytes, "text"], …]`.
struct AnswerParts: Sendable {
    /// What parts of one answer, in the order in which they came, add up to.
    struct Answer: Sendable {
        /// How many bytes of the answer come before `text`.
        fileprivate var offset: Int
        fileprivate var text: [UInt8]

        /// A part may begin before the end of those before it, when it was stored again as nobody knew whether it had been. When it
        /// begins behind their end, the answer has been stored as a whole in between.
        fileprivate mutating func add(_ part: String, at start: Int) {
            let known = offset + text.count - start
            if known >= 0 {
                text.append(contentsOf: part.utf8.dropFirst(known))
            } else {
                (offset, text) = (start, Array(part.utf8))
            }
        }

        /// What comes behind the first `count` bytes of the answer; nil when there is nothing, or something before it is missing.
        func text(from count: Int) -> ArraySlice<UInt8>? {
            count >= offset && count < offset + text.count ? text[(count - offset)...] : nil
        }
    }

    /// By conversation.
    private(set) var answers: [String: Answer] = [:]
    private let conversations: Set<String>

    /// - Parameter conversations: those whose parts are wanted.
    init(of conversations: Set<String>) {
        self.conversations = conversations
    }

    static func encode(_ checkpoint: Checkpoint) -> [UInt8] {
        var json: [UInt8] = []
        json.reserveCapacity(checkpoint.byteCount * 5 / 4 + checkpoint.parts.count * 64)
        json.append(UInt8(ascii: "["))
        for part in checkpoint.parts where !part.isWhole {
            if json.count > 1 { json.append(UInt8(ascii: ",")) }
            json.append(UInt8(ascii: "["))
            json.append(jsonString: part.conversationID)
            json.append(UInt8(ascii: ","))
            json.append(decimal: part.offset)
            json.append(ascii: ",\"")
            json.append(jsonEscaping: checkpoint[part])
            json.append(ascii: "\"]")
        }
        json.append(UInt8(ascii: "]"))
        return json
    }

    /// - Returns: false when it is not what `encode` makes.
    mutating func add(encoded json: [UInt8]) -> Bool {
        guard let parts = try? JSONParser.parse(json).arrayValue else { return false }
        for part in parts {
            guard let values = part.arrayValue, values.count == 3, let id = values[0].stringValue,
                case .integer(let offset) = values[1], offset >= 0, let text = values[2].stringValue
            else { return false }
            guard conversations.contains(id) else { continue }
            if answers[id]?.add(text, at: Int(offset)) == nil {
                answers[id] = Answer(offset: Int(offset), text: Array(text.utf8))
            }
        }
        return true
    }
}
