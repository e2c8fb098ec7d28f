import Primitives
import Testing

@testable import RoomService

struct QueryReaderTests {
    private enum Order: String, CaseIterable { case desc, asc }

    private func reader(_ parameters: KeyValuePairs<String, String>) -> QueryReader {
        QueryReader(parameters.map { (name: $0.key, value: $0.value) })
    }

    @Test func `parameters are read, and what is not there has its default`() throws {
        var query = reader(["user_id": "ada", "limit": "20", "order": "asc", "limit": "30", "sort_by": "whatever"])
        #expect(query.required("user_id", .userID) == "ada")
        #expect(query.integer("limit", default: 50, 1...100) == 30)
        #expect(query.integer("offset", default: 0, QueryReader.offsetRange) == 0)
        #expect(query.choice("order", default: Order.desc) == .asc)
        #expect(query.choice("direction", default: Order.desc) == .desc)
        #expect(query.optional("agent_type", .identifier) == nil)
        #expect(query["sort_by"] == "whatever")
        #expect(query["none"] == nil)
        try query.finish()
    }

    @Test func `all faults are told at once`() {
        var query = reader(["limit": "101", "offset": "-1", "order": "up", "page": "two"])
        _ = query.required("user_id", .userID)
        _ = query.integer("limit", default: 50, 1...100)
        _ = query.integer("offset", default: 0, QueryReader.offsetRange)
        _ = query.choice("order", default: Order.desc)
        _ = query.integer("page", default: 1, 1...10)
        #expect(
            query.faults == [
                Fault(type: "missing", location: ["query", "user_id"], message: "Field required", input: .null),
                Fault(
                    type: "less_than_equal",
                    location: ["query", "limit"],
                    message: "Input should be less than or equal to 100",
                    input: "101"
                ),
                Fault(
                    type: "greater_than_equal",
                    location: ["query", "offset"],
                    message: "Input should be greater than or equal to 0",
                    input: "-1"
                ),
                Fault(
                    type: "literal_error",
                    location: ["query", "order"],
                    message: "Input should be 'desc' or 'asc'",
                    input: "up"
                ),
                Fault(
                    type: "int_parsing",
                    location: ["query", "page"],
                    message: "Input should be a valid integer, unable to parse string as an integer",
                    input: "two"
                ),
            ]
        )
    }

    @Test(
        arguments: [
            ("1", nil), ("+7", nil), ("007", nil), ("100", nil), ("0", "greater_than_equal"),
            ("-0", "greater_than_equal"),
            ("99999999999999999999", "less_than_equal"), ("-99999999999999999999", "greater_than_equal"),
            ("", "int_parsing"), ("-", "int_parsing"), ("1.0", "int_parsing"), ("1e1", "int_parsing"),
            (" 1", "int_parsing"), ("٣", "int_parsing"), ("--1", "int_parsing"), ("0x1", "int_parsing"),
        ] as [(String, String?)]
    )
    func `a number is decimal digits`(text: String, type: String?) {
        var query = reader(["limit": text])
        _ = query.integer("limit", default: 50, 1...100)
        #expect(query.faults.first?.type == type)
    }

    @Test func `an offset and a limit never overflow`() throws {
        var query = reader(["offset": "\(Int.max)"])
        let offset = query.integer("offset", default: 0, QueryReader.offsetRange)
        #expect(query.faults.map(\.type) == ["less_than_equal"])
        #expect(offset == 0)
        var largest = reader(["offset": "\(QueryReader.offsetRange.upperBound)"])
        #expect(largest.integer("offset", default: 0, QueryReader.offsetRange) == 1 << 53)
        try largest.finish()
    }

    @Test func `an object may come as JSON text`() throws {
        var query = reader(["context": #"{"demo":{"rate":5}}"#, "profile": ""])
        #expect(query.optional("context", .objectText) == ["demo": ["rate": 5]])
        #expect(query.optional("profile", .objectText) == nil)
        try query.finish()
        var faulty = reader(["context": "{", "profile": "[]"])
        _ = faulty.optional("context", .objectText)
        _ = faulty.optional("profile", .objectText)
        #expect(faulty.faults.map(\.type) == ["json_invalid", "dict_type"])
        #expect(faulty.faults.first?.message.hasPrefix("Invalid JSON: ") == true)
    }

    @Test func `a parameter may have two names`() {
        var query = reader(["message": "hi"])
        #expect(query.required(anyOf: ["query", "message"], .question) == "hi")
        #expect(query.faults.isEmpty)
        var missing = reader([:])
        _ = missing.required(anyOf: ["query", "message"], .question)
        #expect(missing.faults.map(\.location) == [["query", "query"]])
    }

    @Test func `parts of the path are told as such`() {
        var path = QueryReader([(name: "room_id", value: String(repeating: "x", count: 129))], location: "path")
        _ = path.required("room_id", .identifier)
        #expect(path.faults.map(\.location) == [["path", "room_id"]])
    }
}
