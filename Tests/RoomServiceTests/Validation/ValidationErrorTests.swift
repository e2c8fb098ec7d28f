import Primitives
import Testing

@testable import RoomService

struct ValidationErrorTests {
    @Test func `both lists are as clients read them`() throws {
        var body = BodyReader(["user_id": "ada"])
        _ = body.required("history", .object)
        let error = try #require(throws: ValidationError.self) { try body.finish() }
        #expect(
            String(decoding: error.detail.encoded, as: UTF8.self)
                == #"[{"type":"missing","loc":["body","history"],"msg":"Field required","input":{"user_id":"ada"}}]"#
        )
        #expect(
            String(decoding: error.details.encoded, as: UTF8.self)
                == #"[{"field":"body.history","message":"Field required","type":"missing"}]"#
        )
    }

    @Test func `faults of several readers are thrown together`() {
        var query = QueryReader([])
        _ = query.required("user_id", .userID)
        var body = BodyReader(["room_name": 1])
        _ = body.optional("room_name", .roomName)
        let error = #expect(throws: ValidationError.self) { try ValidationError.check(query.faults, body.faults) }
        #expect(error?.faults.map(\.location) == [["query", "user_id"], ["body", "room_name"]])
        #expect(throws: Never.self) { try ValidationError.check([], []) }
    }

    @Test func `a large input is not sent back`() {
        let fits = JSONValue.string(String(repeating: "x", count: Fault.inputLimit - 2))
        let large = JSONValue.string(String(repeating: "x", count: Fault.inputLimit - 1))
        #expect(Fault.missing(["body", "a"], input: fits).detail.objectValue?["input"] == fits)
        #expect(Fault.missing(["body", "a"], input: large).detail.objectValue?["input"] == nil)
    }
}
