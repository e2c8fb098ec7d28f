import Primitives
import Testing

@testable import RoomService

/// Bodies and queries whose fields are wrong or missing, and that all of it is told.
struct FieldErrorTests {
    private let named = FailureEnvelope.requestID

    @Test func `a 422 tells all faults, in both lists`() async throws {
        try await withService { service in
            let body = #"{"room_name":"  ","metadata":[]}"#
            let response = try service.request("POST", "/api/rooms", body, headers: named)
            #expect(response.status == 422)
            let detail =
                #"[{"type":"missing","loc":["body","user_id"],"msg":"Field required","input":\#(body)},"#
                + #"{"type":"string_too_short","loc":["body","room_name"],"#
                + #""msg":"String should have at least 1 character","input":"  "},"#
                + #"{"type":"dict_type","loc":["body","metadata"],"msg":"Input should be a valid dictionary","input":[]}]"#
            let details =
                #"[{"field":"body.user_id","message":"Field required","type":"missing"},"#
                + #"{"field":"body.room_name","message":"String should have at least 1 character","type":"string_too_short"},"#
                + #"{"field":"body.metadata","message":"Input should be a valid dictionary","type":"dict_type"}]"#
            #expect(
                response.text
                    == #"{"success":false,"error":"Request validation failed","error_code":"VALIDATION_ERROR","#
                    + #""path":"/api/rooms","timestamp":"2026-01-01T00:00:00.000Z","request_id":"test.1","#
                    + #""detail":\#(detail),"details":\#(details)}"#
            )
        }
    }

    @Test func `a request without a body is told what is missing`() async throws {
        try await withService { service in
            for target in ["/api/rooms", "/api/session/create", "/api/chat/message"] {
                let response = try service.post(target)
                #expect(response.status == 422 && response.code == "VALIDATION_ERROR")
                let fault = response.json["details"]?.arrayValue?.first
                #expect(fault == ["field": "body", "message": "Field required", "type": "missing"])
            }
            let (session, _) = try service.makeSession()
            // Where every field may be left out, so may the body.
            #expect(try service.post("/api/session/\(session)/stop").status == 200)
            #expect(try service.post("/api/session/\(session)/reset").status == 200)
        }
    }

    @Test func `an unknown agent is a fault of the request`() async throws {
        try await withService { service in
            let (session, _) = try service.makeSession()
            let response = try service.post(
                "/api/chat/message",
                #"{"session_id":"\#(session)","query":"hi","agent_type":"oracle"}"#
            )
            #expect(response.status == 422)
            let fault = try #require(response.json["detail"]?.arrayValue?.first?.objectValue)
            #expect(fault["type"] == "literal_error" && fault["loc"] == ["body", "agent_type"])
            let demo = try service.get(
                "/api/chat/message?session_id=\(session)&query=a&context=%7B%22demo%22:%7B%22rate%22:-1%7D%7D"
            )
            #expect(demo.status == 422)
            let place = demo.json["detail"]?.arrayValue?.first?.objectValue?["loc"]
            #expect(place == ["query", "context", "demo", "rate"])
        }
    }
}
