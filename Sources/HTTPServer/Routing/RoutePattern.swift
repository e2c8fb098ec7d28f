import Primitives

/// A path with places for parameters, as `/api/rooms/{room_id}/history`.
struct RoutePattern: Sendable {
    enum Segment: Sendable, Equatable {
        case literal([UInt8])
        case parameter(String)
    }

    let text: String
    let segments: [Segment]
    /// The parameters' names, in order.
    let names: [String]

    /// Nil when the text is malformed: no leading `/`, an empty segment, a trailing `/`, characters that would have to
    /// be encoded, a brace within a literal, or a parameter without a name or with a name that comes twice.
    init?(_ text: String) {
        guard text.utf8.first == UInt8(ascii: "/") else { return nil }
        var segments: [Segment] = []
        var names: [String] = []
        let pieces = text.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        for piece in text == "/" ? [] : pieces {
            if piece.first == UInt8(ascii: "{"), piece.last == UInt8(ascii: "}") {
                let name = piece.dropFirst().dropLast()
                guard !name.isEmpty, name.allSatisfy(Self.isNameCharacter) else { return nil }
                names.append(String(decoding: name, as: UTF8.self))
                segments.append(.parameter(names[names.count - 1]))
            } else {
                guard !piece.isEmpty, piece.allSatisfy(Self.isLiteralCharacter) else { return nil }
                segments.append(.literal(Array(piece)))
            }
        }
        guard Set(names).count == names.count else { return nil }
        self.text = text
        self.segments = segments
        self.names = names
    }

    private static func isNameCharacter(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "_") || isDigit(byte) || lowercased(byte) &- UInt8(ascii: "a") < 26
    }

    private static func isLiteralCharacter(_ byte: UInt8) -> Bool {
        isNameCharacter(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "~")
    }
}
