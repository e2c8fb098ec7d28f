import Agents
import Primitives
import Testing

@testable import RoomService

struct BodyReaderTests {
    private func fault<Value>(_ rule: Rule<Value>, _ value: JSONValue) -> Fault? {
        var body = BodyReader(["field": value])
        _ = body.required("field", rule)
        #expect(body.faults.count <= 1)
        return body.faults.first
    }

    private func value<Value>(_ rule: Rule<Value>, _ value: JSONValue) throws -> Value {
        var body = BodyReader(["field": value])
        let read = body.required("field", rule)
        try body.finish()
        return read
    }

    private func expect<Value>(
        _ rule: Rule<Value>,
        refuses values: [JSONValue],
        _ type: String,
        _ message: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        for value in values {
            let expected = Fault(type: type, location: ["body", "field"], message: message, input: value)
            #expect(fault(rule, value) == expected, sourceLocation: sourceLocation)
        }
    }

    // MARK: Bodies

    @Test func `a body without faults gives its values`() throws {
        var body = BodyReader(["user_id": "ada@x.org", "room_name": "  My room ", "metadata": ["a": 1], "other": 5])
        let userID = body.required("user_id", .userID)
        let name = body.optional("room_name", .roomName)
        let metadata = body.optional("metadata", .metadata)
        let agent = body.optional("agent_type", .identifier)
        try body.finish()
        #expect(userID == "ada@x.org")
        #expect(name == "My room")
        #expect(metadata == ["a": 1])
        #expect(agent == nil)
    }

    @Test func `all faults are thrown at once, in the order of reading`() {
        let json: JSONValue = ["room_name": 5, "metadata": []]
        var body = BodyReader(json)
        _ = body.required("user_id", .userID)
        _ = body.optional("room_name", .roomName)
        _ = body.optional("metadata", .metadata)
        let error = #expect(throws: ValidationError.self) { try body.finish() }
        #expect(
            error?.faults == [
                Fault(type: "missing", location: ["body", "user_id"], message: "Field required", input: json),
                Fault(
                    type: "string_type",
                    location: ["body", "room_name"],
                    message: "Input should be a valid string",
                    input: 5
                ),
                Fault(
                    type: "dict_type",
                    location: ["body", "metadata"],
                    message: "Input should be a valid dictionary",
                    input: []
                ),
            ]
        )
    }

    @Test(arguments: [[], "text", 1, nil, true] as [JSONValue])
    func `a body that is no object has one fault`(json: JSONValue) {
        var body = BodyReader(json)
        _ = body.required("user_id", .userID)
        _ = body.optional("room_name", .roomName)
        #expect(
            body.faults == [
                Fault(
                    type: "model_attributes_type",
                    location: ["body"],
                    message: "Input should be a valid dictionary or object to extract fields from",
                    input: json
                )
            ]
        )
    }

    @Test func `a body that is not there is missing, unless it is optional`() throws {
        let missing = Fault(type: "missing", location: ["body"], message: "Field required", input: .null)
        #expect(BodyReader(nil).faults == [missing])
        var body = BodyReader(nil, isOptional: true)
        #expect(body.optional("agent_type", .identifier) == nil)
        try body.finish()
        try BodyReader(.null, isOptional: true).finish()
        #expect(BodyReader([], isOptional: true).faults.count == 1)
    }

    @Test func `null is absent where a field is optional, and a fault where it is required`() {
        var body = BodyReader(["a": nil])
        #expect(body.optional("a", .roomName) == nil)
        #expect(body.faults.isEmpty)
        _ = body.required("a", .roomName)
        #expect(body.faults.map(\.type) == ["string_type"])
    }

    @Test func `an optional id may be empty to say there is none, but a name or a user may not`() {
        var body = BodyReader(["room_id": "", "room_name": "", "user_id": ""])
        #expect(body.optional("room_id", .identifier) == nil)
        #expect(body.faults.isEmpty)
        _ = body.optional("room_name", .roomName)
        _ = body.optional("user_id", .userID)
        #expect(body.faults.map(\.type) == ["string_too_short", "string_pattern_mismatch"])
    }

    @Test func `a field may have two names`() throws {
        for (json, expected) in [
            (["query": "a"], "a"), (["message": "b"], "b"), (["query": "a", "message": "b"], "a"),
            (["query": nil, "message": "b"], "b"),
        ] as [(JSONValue, String)] {
            var body = BodyReader(json)
            #expect(body.required(anyOf: ["query", "message"], .question) == expected)
            try body.finish()
        }
        var missing = BodyReader(["text": "a"])
        _ = missing.required(anyOf: ["query", "message"], .question)
        #expect(missing.faults == [.missing(["body", "query"], input: ["text": "a"])])
        var faulty = BodyReader(["message": 1])
        _ = faulty.required(anyOf: ["query", "message"], .question)
        #expect(faulty.faults.map(\.location) == [["body", "message"]])
    }

    @Test func `faults of an agent's context are told in their place`() {
        var body = BodyReader(["context": ["demo": ["rate": -1]]])
        let context = body.optional("context", .object) ?? [:]
        for fault in DemoAgent().faults(in: context) { body.add(Fault(fault)) }
        let error = #expect(throws: ValidationError.self) { try body.finish() }
        #expect(
            error?.details == [
                [
                    "field": "body.context.demo.rate", "message": "Input should be greater than or equal to 0",
                    "type": "greater_than_equal",
                ]
            ]
        )
    }

    // MARK: Rules

    @Test func `a user id is 1 to 128 of the allowed characters`() throws {
        for id in ["a", "Ada.Lovelace_1@x.org:8-9", String(repeating: "z", count: 128)] {
            #expect(try value(.userID, .string(id)) == id)
        }
        expect(
            Rule.userID,
            refuses: ["", "a b", "ä", "a/b", "a\n", .string(String(repeating: "z", count: 129))],
            "string_pattern_mismatch",
            "String should match pattern '^[A-Za-z0-9_.@:-]{1,128}$'"
        )
        expect(Rule.userID, refuses: [1, nil, [], [:], true], "string_type", "Input should be a valid string")
    }

    @Test func `a room name is 1 to 100 characters after trimming, without control characters`() throws {
        let longest = String(repeating: "日", count: 100)
        #expect(try value(.roomName, .string(" \t\n\u{3000}\(longest) \r\n")) == longest)
        #expect(try value(.roomName, "🏠 a  b") == "🏠 a  b")
        expect(
            Rule.roomName,
            refuses: ["", "  ", "\u{A0}\n"],
            "string_too_short",
            "String should have at least 1 character"
        )
        expect(
            Rule.roomName,
            refuses: [.string(longest + "x")],
            "string_too_long",
            "String should have at most 100 characters"
        )
        expect(
            Rule.roomName,
            refuses: ["a\nb", "a\u{0}b", "a\u{7F}", "\u{9B}a"],
            "value_error",
            "Value error, room_name must not contain control characters"
        )
    }

    @Test func `a question is not blank, at most 32768 characters, and kept as it is`() throws {
        let longest = String(repeating: "é", count: 32_768)
        #expect(try value(.question, .string(longest)) == longest)
        #expect(try value(.question, "  why?\n") == "  why?\n")
        expect(
            Rule.question,
            refuses: ["", " \n\t\u{2003}"],
            "string_too_short",
            "String should have at least 1 character"
        )
        expect(
            Rule.question,
            refuses: [.string(longest + "x")],
            "string_too_long",
            "String should have at most 32768 characters"
        )
    }

    @Test func `an identifier has 1 to 128 characters`() throws {
        let longest = String(repeating: "i", count: 128)
        #expect(try value(.identifier, .string(longest)) == longest)
        expect(Rule.identifier, refuses: [""], "string_too_short", "String should have at least 1 character")
        expect(
            Rule.identifier,
            refuses: [.string(longest + "i")],
            "string_too_long",
            "String should have at most 128 characters"
        )
    }

    @Test func `metadata is an object of at most 10240 bytes of JSON`() throws {
        // {"k":"…"} is 8 bytes and the text.
        let largest: JSONValue = ["k": .string(String(repeating: "x", count: 10_232))]
        #expect(try value(.metadata, largest) == largest.objectValue)
        expect(
            Rule.metadata,
            refuses: [
                ["k": .string(String(repeating: "x", count: 10_233))],
                ["k": .string(String(repeating: "é", count: 5117))],
            ],
            "value_error",
            "Value error, metadata must be at most 10240 bytes of JSON"
        )
        expect(Rule.metadata, refuses: [[], "x", 1, nil], "dict_type", "Input should be a valid dictionary")
    }

    @Test func `numbers are whole and in range`() throws {
        #expect(try value(.integer(1...10), 10) == 10)
        #expect(try value(.integer(1...10), 3.0) == 3)
        expect(Rule.integer(1...10), refuses: ["3", true, nil, [], [:]], "int_type", "Input should be a valid integer")
        expect(
            Rule.integer(1...10),
            refuses: [1.5],
            "int_from_float",
            "Input should be a valid integer, got a number with a fractional part"
        )
        expect(
            Rule.integer(1...10),
            refuses: [0, -5, -1e300],
            "greater_than_equal",
            "Input should be greater than or equal to 1"
        )
        expect(
            Rule.integer(1...10),
            refuses: [11, 1e300],
            "less_than_equal",
            "Input should be less than or equal to 10"
        )
    }

    @Test func `booleans are booleans`() throws {
        #expect(try value(.bool, true))
        expect(Rule.bool, refuses: ["true", 1, nil], "bool_type", "Input should be a valid boolean")
    }

    @Test func `a choice is one of its cases`() throws {
        enum Two: String, CaseIterable { case desc, asc }
        enum Three: String, CaseIterable { case a, b, c }
        enum One: String, CaseIterable { case only }
        #expect(try value(Rule<Two>.choice, "asc") == .asc)
        expect(Rule<Two>.choice, refuses: ["", "ASC", 1], "literal_error", "Input should be 'desc' or 'asc'")
        expect(Rule<Three>.choice, refuses: ["d"], "literal_error", "Input should be 'a', 'b' or 'c'")
        expect(Rule<One>.choice, refuses: ["d"], "literal_error", "Input should be 'only'")
    }
}
