import Primitives

/// Lengths are in Unicode scalars, as pydantic counts them.
extension Rule where Value == String {
    static let roomNameLimit = 100
    static let questionLimit = 32_768
    static let identifierLimit = 128

    /// `[A-Za-z0-9_.@:-]{1,128}`.
    static var userID: Rule {
        Rule(placeholder: "") { value throws(Violation) in
            let text = try string(value)
            guard (1...identifierLimit).contains(text.utf8.count), text.utf8.allSatisfy(isUserIDByte) else {
                let pattern = "^[A-Za-z0-9_.@:-]{1,\(identifierLimit)}$"
                throw Violation("string_pattern_mismatch", "String should match pattern '\(pattern)'")
            }
            return text
        }
    }

    /// An id that the service or its client has made, or an agent's name: 1 to 128 characters. Whether there is such a
    /// thing is for the caller to find out. As an optional field, empty means absent.
    static var identifier: Rule {
        Rule(placeholder: "", isAbsentWhenEmpty: true) { value throws(Violation) in
            let text = try string(value)
            try checkLength(of: text, 1...identifierLimit)
            return text
        }
    }

    /// 1 to 100 characters after trimming, none of them a control character. Read as trimmed.
    static var roomName: Rule {
        Rule(placeholder: "") { value throws(Violation) in
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
        Rule(placeholder: "") { value throws(Violation) in
            let text = try string(value)
            try checkLength(of: text.trimmed.isEmpty ? "" : text, 1...questionLimit)
            return text
        }
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
