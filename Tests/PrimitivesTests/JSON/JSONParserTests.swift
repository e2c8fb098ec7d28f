import Primitives
import Testing

@Suite struct JSONParserTests {
    private func parse(_ text: String) throws(JSONError) -> JSONValue {
        try JSONParser.parse(Array(text.utf8))
    }

    @Test(
        arguments: [
            ("null", .null), ("true", .bool(true)), (" false\r\n\t", .bool(false)), ("\"\"", ""), ("[]", []),
            ("{}", [:]),
            ("[ ]", []), ("{ }", [:]), ("[1 , 2]", [1, 2]), ("{ \"a\" : [ { } ] }", ["a": [[:]]]),
            ("0", 0), ("-0", 0), ("-1", -1), ("9223372036854775807", .integer(.max)),
            ("-9223372036854775808", .integer(.min)), ("9223372036854775808", .double(9_223_372_036_854_775_808)),
            ("1.0", 1.0), ("1e2", .double(100)), ("1E+2", .double(100)), ("-1.5e-3", .double(-0.0015)),
            ("0e0", .double(0)), ("1e-400", .double(0)), ("5e-324", .double(.leastNonzeroMagnitude)),
            ("1.7976931348623157e308", .double(.greatestFiniteMagnitude)), ("0.1", 0.1),
            ("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\u{8}\u{C}\n\r\t"),
            ("\"\\u0041\\u00e9\\u20AC\"", "A\u{E9}\u{20AC}"),
            ("\"\\uD83D\\ude00\"", "\u{1F600}"), ("\"a\\u0000b\"", "a\0b"), ("\"\u{7F}\u{2028}\"", "\u{7F}\u{2028}"),
            ("\"\\uFFFF\\ufeff\"", "\u{FFFF}\u{FEFF}"),
        ] as [(String, JSONValue)]
    )
    func `a text has its value`(text: String, value: JSONValue) throws {
        let parsed = try parse(text)
        #expect(parsed == value)
    }

    @Test func `a fractional zero keeps its kind`() throws {
        #expect(try parse("1.0") == .double(1))
        #expect(try parse("1") == .integer(1))
        #expect(try parse("1.0") != .integer(1))
    }

    @Test(
        arguments: [
            ("", "Unexpected end of the text", 0), (" ", "Unexpected end of the text", 1),
            ("[1", "Unexpected end of the text", 2), ("\"a", "Unexpected end of the text", 2),
            ("\"\\u12", "Unexpected end of the text", 5), ("tru", "Unexpected end of the text", 3),
            ("-", "Unexpected end of the text", 1), ("1.", "Unexpected end of the text", 2),
            ("1e", "Unexpected end of the text", 2), ("1 2", "Unexpected text after the value", 2),
            ("01", "Unexpected text after the value", 1), ("1.e1", "Expected a digit", 2),
            ("+1", "Expected a value", 0),
            (".5", "Expected a value", 0), ("-a", "Expected a digit", 1), ("0x1", "Unexpected text after the value", 1),
            ("NaN", "Expected a value", 0), ("-Infinity", "Expected a digit", 1), ("True", "Expected a value", 0),
            ("nul]", "Expected 'null'", 3), ("[1,]", "Expected a value", 3), ("[,1]", "Expected a value", 1),
            ("[1 2]", "Expected ',' or ']'", 3), ("{\"a\":1,}", "Expected a member's name in quotes", 7),
            ("{a:1}", "Expected a member's name in quotes", 1), ("{'a':1}", "Expected a member's name in quotes", 1),
            ("{\"a\" 1}", "Expected ':'", 5), ("{\"a\":1 \"b\":2}", "Expected ',' or '}'", 7),
            ("[1}", "Expected ',' or ']'", 2), ("/* */1", "Expected a value", 0), ("\"\\x\"", "An unknown escape", 2),
            ("\"\\U0041\"", "An unknown escape", 2), ("\"\\u12g4\"", "Expected four hexadecimal digits", 5),
            ("\"a\nb\"", "A control character must be escaped", 2),
            ("\"\0\"", "A control character must be escaped", 1),
            ("\"\\uD800\"", "A lone surrogate", 7), ("\"\\uDC00\"", "A lone surrogate", 7),
            ("\"\\uD800\\u0041\"", "A lone surrogate", 13), ("\"\\uD800\\n\"", "A lone surrogate", 8),
            ("\u{FEFF}1", "Expected a value", 0), ("\u{A0}1", "Expected a value", 0),
            ("1e400", "The number is out of range", 0), ("[-1e999]", "The number is out of range", 1),
        ]
    )
    func `what is no JSON has a reason and a place`(text: String, reason: String, offset: Int) {
        #expect(throws: JSONError(reason: reason, offset: offset)) { try parse(text) }
    }

    @Test(
        arguments: [
            [0x22, 0x80, 0x22], [0x22, 0xC3, 0x22], [0x22, 0xC0, 0xAF, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
            [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], [0x22, 0xFF, 0x22], [0x22, 0x5C, 0x6E, 0xE9, 0x22],
            [0x7B, 0x22, 0xE9, 0x22, 0x3A, 0x31, 0x7D],
        ] as [[UInt8]]
    )
    func `a string that is no UTF-8 is refused`(bytes: [UInt8]) {
        let error = #expect(throws: JSONError.self) { try JSONParser.parse(bytes) }
        #expect(error?.reason == "The text is not UTF-8")
    }

    @Test func `nesting is taken up to the limit`() throws {
        func nested(_ depth: Int, _ open: String, _ close: String) -> String {
            String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)
        }
        let limit = JSONParser.depthLimit
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            #expect(throws: Never.self) { try parse(nested(limit, open, close)) }
            let error = #expect(throws: JSONError.self) { try parse(nested(limit + 1, open, close)) }
            #expect(error?.reason == "Nested more than \(limit) deep")
        }
        // Beside each other is not within each other.
        let siblings = "[" + Array(repeating: "[{}]", count: 500).joined(separator: ",") + "]"
        #expect(try parse(siblings).arrayValue?.count == 500)
        #expect(throws: JSONError.self) { try parse(String(repeating: "[", count: 1_000_000)) }
    }
}
