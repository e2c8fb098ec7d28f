/// Why a text is no JSON, and where.
package struct JSONError: Error, Equatable, CustomStringConvertible {
    package var reason: String
    /// The offset in bytes at which the fault was noticed.
    package var offset: Int

    package init(reason: String, offset: Int) {
        self.reason = reason
        self.offset = offset
    }

    package var description: String { "\(reason) at byte \(offset)" }
}

/// A strict parser of RFC 8259 texts in UTF-8: no comments, no trailing commas, no lone surrogates, no byte order mark.
package struct JSONParser {
    private let bytes: [UInt8]
    private var position = 0
    private var depth = 0
    private let repairsSurrogates: Bool

    /// How deeply arrays and objects may be nested; a deeper text could exhaust the stack.
    package static let depthLimit = 128

    /// The one value that `bytes` hold, white space around it aside.
    ///
    /// - Parameter repairsSurrogates: whether a lone surrogate stands for U+FFFD instead of being an error: some programs cut
    ///   text between the two units of a character (RFC 8259, section 8.2).
    package static func parse(_ bytes: [UInt8], repairsSurrogates: Bool = false) throws(JSONError) -> JSONValue {
        var parser = JSONParser(bytes: bytes, repairsSurrogates: repairsSurrogates)
        let value = try parser.value()
        parser.skipWhitespace()
        guard parser.next == nil else { throw parser.error("Unexpected text after the value") }
        return value
    }

    private init(bytes: [UInt8], repairsSurrogates: Bool) {
        self.bytes = bytes
        self.repairsSurrogates = repairsSurrogates
    }

    private func error(_ reason: String) -> JSONError {
        JSONError(reason: position < bytes.count ? reason : "Unexpected end of the text", offset: position)
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipWhitespace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private mutating func skip(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        position += 1
        return true
    }

    private mutating func value() throws(JSONError) -> JSONValue {
        skipWhitespace()
        switch next {
        case UInt8(ascii: "{"): return .object(try object())
        case UInt8(ascii: "["): return .array(try array())
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case let byte? where byte == UInt8(ascii: "-") || isDigit(byte): return try number()
        default: throw error("Expected a value")
        }
    }

    private mutating func literal(_ text: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        for index in 0..<text.utf8CodeUnitCount {
            guard skip(text.utf8Start[index]) else { throw error("Expected '\(text)'") }
        }
        return value
    }

    // MARK: Arrays and objects

    private mutating func open() throws(JSONError) {
        guard depth < Self.depthLimit else { throw error("Nested more than \(Self.depthLimit) deep") }
        depth += 1
        position += 1
        skipWhitespace()
    }

    /// After an element: true for a comma, false for the closing `byte`.
    private mutating func goesOn(until byte: UInt8) throws(JSONError) -> Bool {
        skipWhitespace()
        if skip(UInt8(ascii: ",")) { return true }
        guard skip(byte) else { throw error("Expected ',' or '\(Character(Unicode.Scalar(byte)))'") }
        depth -= 1
        return false
    }

    private mutating func array() throws(JSONError) -> [JSONValue] {
        try open()
        var elements: [JSONValue] = []
        if skip(UInt8(ascii: "]")) {
            depth -= 1
            return elements
        }
        repeat { elements.append(try value()) } while try goesOn(until: UInt8(ascii: "]"))
        return elements
    }

    private mutating func object() throws(JSONError) -> JSONObject {
        try open()
        var object = JSONObject()
        if skip(UInt8(ascii: "}")) {
            depth -= 1
            return object
        }
        repeat {
            skipWhitespace()
            guard next == UInt8(ascii: "\"") else { throw error("Expected a member's name in quotes") }
            let key = try string()
            skipWhitespace()
            guard skip(UInt8(ascii: ":")) else { throw error("Expected ':'") }
            object[key] = try value()
        } while try goesOn(until: UInt8(ascii: "}"))
        return object
    }

    // MARK: Numbers

    private mutating func digits() throws(JSONError) {
        guard let byte = next, isDigit(byte) else { throw error("Expected a digit") }
        while let byte = next, isDigit(byte) { position += 1 }
    }

    private mutating func number() throws(JSONError) -> JSONValue {
        let start = position
        var isInteger = true
        _ = skip(UInt8(ascii: "-"))
        if !skip(UInt8(ascii: "0")) { try digits() }
        if skip(UInt8(ascii: ".")) {
            isInteger = false
            try digits()
        }
        if skip(UInt8(ascii: "e")) || skip(UInt8(ascii: "E")) {
            isInteger = false
            if !skip(UInt8(ascii: "+")) { _ = skip(UInt8(ascii: "-")) }
            try digits()
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isInteger, let integer = Int64(text) { return .integer(integer) }
        guard let double = Double(text), double.isFinite else {
            throw JSONError(reason: "The number is out of range", offset: start)
        }
        return .double(double)
    }

    // MARK: Strings

    private mutating func string() throws(JSONError) -> String {
        position += 1
        let start = position
        while let byte = next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { position += 1 }
        if next == UInt8(ascii: "\"") {
            defer { position += 1 }
            return try validated(bytes[start..<position])
        }
        return try stringWithEscapes(from: start)
    }

    private mutating func stringWithEscapes(from start: Int) throws(JSONError) -> String {
        var text = Array(bytes[start..<position])
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return try validated(text[...])
            case UInt8(ascii: "\\"):
                position += 1
                try escape(into: &text)
            case ..<0x20:
                throw error("A control character must be escaped")
            default:
                text.append(byte)
                position += 1
            }
        }
        throw error("Expected '\"'")
    }

    private mutating func escape(into text: inout [UInt8]) throws(JSONError) {
        guard let byte = next else { throw error("Expected an escape") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            text.append(contentsOf: Character(try scalar()).utf8)
        default:
            position -= 1
            throw error("An unknown escape")
        }
    }

    /// The code point of a `\u` whose digits follow, and of the other one where it takes two.
    private mutating func scalar() throws(JSONError) -> Unicode.Scalar {
        let unit = UInt32(try hexadecimal())
        if let scalar = Unicode.Scalar(unit) { return scalar }
        let next = position
        if unit & 0xFC00 == 0xD800, skip(UInt8(ascii: "\\")), skip(UInt8(ascii: "u")) {
            let low = UInt32(try hexadecimal())
            if low & 0xFC00 == 0xDC00, let scalar = Unicode.Scalar(0x10000 + (unit & 0x3FF) << 10 + (low & 0x3FF)) {
                return scalar
            }
        }
        guard repairsSurrogates else { throw error("A lone surrogate") }
        // What follows it is something of its own.
        position = next
        return "\u{FFFD}"
    }

    private mutating func hexadecimal() throws(JSONError) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = hexadecimalDigit(byte) else {
                throw error("Expected four hexadecimal digits")
            }
            value = value << 4 | UInt16(digit)
            position += 1
        }
        return value
    }

    private func validated(_ text: ArraySlice<UInt8>) throws(JSONError) -> String {
        guard let text = try? UTF8Span(validating: text.span) else {
            throw JSONError(reason: "The text is not UTF-8", offset: position)
        }
        return String(copying: text)
    }
}
