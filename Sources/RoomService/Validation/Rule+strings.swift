import Primitives

/// Lengths are in Unicode scalars, as pydantic counts them.
extension Rule where Value == String {
    static let roomNameLimit = 100
    static let questionLimit = 32_768
    static let identifierLimit = 128

    private static var userIDPattern: String { "^[A-Za-z0-9_.@:-]{1,\(identifierLimit)}$" }

    /// `[A-Za-z0-9_.@:-]{1,128}`.
    static var userID: Rule {
        Rule(placeholder: "", schema: { Schema.string(matching: userIDPattern) }) { value throws(Violation) in
            let text = try string(value)
            guard (1...identifierLimit).contains(text.utf8.count), text.utf8.allSatisfy(isUserIDByte) else {
                throw Violation("string_pattern_mismatch", "String should match pattern '\(userIDPattern)'")
            }
            return text
        }
    }

    /// An id that the service or its client has made, or an agent's name: 1 to 128 characters. Whether there is such a
    /// thing is for the caller to find out. As an optional field, empty means absent.
    static var identifier: Rule {
        Rule(
            placeholder: "",
            isAbsentWhenEmpty: true,
            schema: { Schema.string(lengths: 1...identifierLimit) }
        ) { value throws(Violation) in
            let text = try string(value)
            try checkLength(of: text, 1...identifierLimit)
            return text
        }
    }

    /// 1 to 100 characters after trimming, none of them a control character. Read as trimmed.
    static var roomName: Rule {
        Rule(placeholder: "", schema: { Schema.string(matching: roomNamePattern) }) { value throws(Violation) in
            let text = try string(value).trimmed
            try checkLength(of: text, 1...roomNameLimit)
            guard !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
                throw Violation("value_error", "Value error, room_name must not contain control characters")
            }
            return text
        }
    }

    /// What is asked: at most 32,768 characters, not only white space. Read as it was sent.
    static var question: Rule {
        Rule(
            placeholder: "",
            schema: { Schema.string(lengths: 1...questionLimit).with("pattern", .string("[^\(whiteSpace)]")) }
        ) { value throws(Violation) in
            let text = try string(value)
            try checkLength(of: text.trimmed.isEmpty ? "" : text, 1...questionLimit)
            return text
        }
    }

    /// Unicode's White_Space, within the brackets of a regular expression (ECMA-262): its `\s` is not quite the same.
    private static let whiteSpace =
        #"\t-\r \u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000"#
    private static let controls = #"\u0000-\u001F\u007F-\u009F"#

    private static var roomNamePattern: String {
        let edge = "[^\(whiteSpace)\(controls)]"
        return "^[\(whiteSpace)]*\(edge)([^\(controls)]{0,\(roomNameLimit - 2)}\(edge))?[\(whiteSpace)]*$"
    }

    private static func string(_ value: JSONValue) throws(Violation) -> String {
        guard let text = value.stringValue else { throw Violation("string_type", "Input should be a valid string") }
        return text
    }

    private static func checkLength(of text: String, _ range: ClosedRange<Int>) throws(Violation) {
        let count = text.unicodeScalars.count
        if count < range.lowerBound {
            let noun = range.lowerBound == 1 ? "character" : "characters"
            throw Violation("string_too_short", "String should have at least \(range.lowerBound) \(noun)")
        }
        if count > range.upperBound {
            throw Violation("string_too_long", "String should have at most \(range.upperBound) characters")
        }
    }

    private static func isUserIDByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "@"),
            UInt8(ascii: ":"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}

extension String {
    /// Without the white space (Unicode's White_Space) at both ends.
    fileprivate var trimmed: String {
        let isText = { (scalar: Unicode.Scalar) in !scalar.properties.isWhitespace }
        guard let first = unicodeScalars.firstIndex(where: isText), let last = unicodeScalars.lastIndex(where: isText)
        else { return "" }
        return String(unicodeScalars[first...last])
    }
}
