import Primitives

/// A chunk that brings nothing but a piece of text: nearly all are. Its text is found without making anything of the rest, which
/// costs a third of what a parser does.
///
/// It is no validator: what it takes for a plain chunk has the text where a chunk has it, and balanced brackets. All else it leaves to the
/// parser.
struct PlainChunk {
    private let bytes: [UInt8]
    private var position = 0

    /// Appends the text of `chunk`, in UTF-8, which may be none.
    ///
    /// - Returns: false when it is no plain chunk; then nothing was appended.
    static func append(_ chunk: [UInt8], to text: inout [UInt8]) -> Bool {
        var scanner = PlainChunk(bytes: chunk)
        let count = text.count
        guard scanner.takeChunk(&text), scanner.isAtEnd, isText(text, from: count) else {
            text.removeSubrange(count...)
            return false
        }
        return true
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    private static func isText(_ text: [UInt8], from start: Int) -> Bool {
        guard text[start...].contains(where: { $0 >= 0x80 }) else { return true }
        return (try? UTF8Span(validating: text.span.extracting(start..<text.count))) != nil
    }

    // MARK: The chunk's shape

    private mutating func takeChunk(_ text: inout [UInt8]) -> Bool {
        var hasText = false
        let isObject = takeMembers { scanner, key in
            switch key {
            case "choices":
                guard !hasText else { return false }
                hasText = true
                return scanner.takeChoices(&text)
            case "usage": return scanner.takeNull()
            case "error": return false
            default: return scanner.skipValue()
            }
        }
        return isObject && hasText
    }

    private mutating func takeChoices(_ text: inout [UInt8]) -> Bool {
        guard take(UInt8(ascii: "[")) else { return false }
        var hasDelta = false
        let isChoice = takeMembers { scanner, key in
            switch key {
            case "delta":
                guard !hasDelta else { return false }
                hasDelta = true
                return scanner.takeDelta(&text)
            case "finish_reason": return scanner.takeNull()
            // Other places that a text may have.
            case "message", "text": return false
            default: return scanner.skipValue()
            }
        }
        // Of one choice.
        return isChoice && hasDelta && take(UInt8(ascii: "]"))
    }

    private mutating func takeDelta(_ text: inout [UInt8]) -> Bool {
        var hasContent = false
        return takeMembers { scanner, key in
            switch key {
            case "content":
                guard !hasContent else { return false }
                hasContent = true
                return scanner.takeNull() || scanner.takeString(&text)
            case "role": return scanner.skipValue()
            // Reasoning, a tool's call, a refusal, or something that is not known here.
            default: return scanner.takeNull()
            }
        }
    }

    // MARK: JSON

    /// Takes an object. `takeValue` takes each member's value.
    private mutating func takeMembers(_ takeValue: (inout PlainChunk, Key) -> Bool) -> Bool {
        guard take(UInt8(ascii: "{")) else { return false }
        if take(UInt8(ascii: "}")) { return true }
        repeat {
            guard let key = takeKey(), take(UInt8(ascii: ":")), takeValue(&self, key) else { return false }
        } while take(UInt8(ascii: ","))
        return take(UInt8(ascii: "}"))
    }

    /// A member's name, compared byte by byte.
    private struct Key {
        let bytes: [UInt8]
        let range: Range<Int>

        static func ~= (name: StaticString, key: Key) -> Bool {
            guard key.range.count == name.utf8CodeUnitCount else { return false }
            for index in 0..<key.range.count where key.bytes[key.range.lowerBound + index] != name.utf8Start[index] {
                return false
            }
            return true
        }
    }

    /// - Returns: nil also for a name with escapes, as those could spell any of the names above.
    private mutating func takeKey() -> Key? {
        guard take(UInt8(ascii: "\"")) else { return nil }
        let start = position
        while position < bytes.count, bytes[position] != UInt8(ascii: "\""), bytes[position] != UInt8(ascii: "\\") {
            position += 1
        }
        guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { return nil }
        position += 1
        return Key(bytes: bytes, range: start..<(position - 1))
    }

    private mutating func skipWhitespace() {
        while position < bytes.count, bytes[position] <= 0x20 { position += 1 }
    }

    private var isAtEnd: Bool {
        mutating get {
            skipWhitespace()
            return position == bytes.count
        }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        skipWhitespace()
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func takeNull() -> Bool {
        skipWhitespace()
        guard position + 4 <= bytes.count, bytes[position] == UInt8(ascii: "n"),
            bytes[position + 1] == UInt8(ascii: "u"),
            bytes[position + 2] == UInt8(ascii: "l"), bytes[position + 3] == UInt8(ascii: "l")
        else { return false }
        position += 4
        return true
    }

    /// Goes behind the quote that ends a string.
    private mutating func skipString() -> Bool {
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "\""):
                position += 1
                return true
            case UInt8(ascii: "\\"): position += 2
            default: position += 1
            }
        }
        return false
    }

    private mutating func skipValue() -> Bool {
        var depth = 0
        repeat {
            skipWhitespace()
            guard position < bytes.count else { return false }
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""): guard skipString() else { return false }
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            case UInt8(ascii: ","), UInt8(ascii: ":"): guard depth > 0 else { return false }
            default: skipScalar()
            }
        } while depth > 0
        return depth == 0
    }

    private mutating func skipScalar() {
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"), ...0x20: return
            default: position += 1
            }
        }
    }

    /// - Returns: false also for escapes that are not simple ones.
    private mutating func takeString(_ text: inout [UInt8]) -> Bool {
        guard take(UInt8(ascii: "\"")) else { return false }
        var start = position
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                text.append(contentsOf: bytes[start..<position])
                position += 1
                return true
            }
            guard byte >= 0x20 else { return false }
            position += 1
            guard byte == UInt8(ascii: "\\") else { continue }
            guard position < bytes.count, let escaped = Self.escaped(bytes[position]) else { return false }
            text.append(contentsOf: bytes[start..<(position - 1)])
            text.append(escaped)
            position += 1
            start = position
        }
        return false
    }

    private static func escaped(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): byte
        case UInt8(ascii: "t"): 0x09
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        default: nil
        }
    }
}
