import Primitives
import Testing

@testable import RoomService

/// What every response has in common.
struct CrossCuttingTests {
    @Test func `every response names its request`() async throws {
        try await withService { service in
            let id = "Trace-7_a.b:c"
            for target in ["/healthz", "/api/rooms/x", "/nowhere", "/api/rooms?user_id=ada"] {
                let response = try service.request("GET", target, headers: [("X-Request-ID", id)])
                #expect(response["X-Request-ID"] == id)
            }
            var made: Set<String> = []
            for bad in ["", "two words", "a\"b", "é", String(repeating: "a", count: 129)] {
                let response = try service.request("GET", "/api/rooms/x", headers: [("X-Request-ID", bad)])
                let id = try #require(response["X-Request-ID"])
                #expect(id.hasPrefix("req_") && response.json["request_id"] == .string(id))
                made.insert(id)
            }
            #expect(made.count == 5)
        }
    }

    @Test func `a preflight is answered for every path`() async throws {
        try await withService { service in
            let headers = [("Origin", "https://a.example"), ("Access-Control-Request-Method", "PATCH")]
            for target in ["/api/rooms/room_1", "/api/nothing", "*"] {
                let response = try service.request("OPTIONS", target, headers: headers)
                #expect(response.status == 200 && response.body.isEmpty)
                #expect(response["Access-Control-Allow-Origin"] == "*")
                #expect(response["Access-Control-Allow-Methods"] == "GET, HEAD, POST, PATCH, DELETE, OPTIONS")
                let allowed = response["Access-Control-Allow-Headers"]?.split(separator: ", ").map(String.init) ?? []
                let needed = [
                    "Accept", "Authorization", "Content-Type", "Last-Event-ID", "X-Request-ID", "Traceparent",
                ]
                // As OpenAI's client for JavaScript sends them.
                #expect(Set(allowed).isSuperset(of: needed + ["X-Stainless-OS", "X-Stainless-Runtime-Version"]))
                #expect(response["Access-Control-Max-Age"] == "600")
                #expect(response["Access-Control-Expose-Headers"] == "X-Request-ID")
            }
            #expect(try service.request("OPTIONS", "/api/rooms")["Allow"] == "GET, HEAD, POST, OPTIONS")
        }
    }

    @Test func `only the origins of the list may read, and caches are told`() async throws {
        let origins = try #require(CORSOrigins("https://a.example,http://localhost:3000"))
        try await withService({ $0.corsOrigins = origins }) { service in
            for target in ["/healthz", "/api/rooms/x"] {
                let known = try service.request("GET", target, headers: [("Origin", "http://localhost:3000")])
                #expect(known["Access-Control-Allow-Origin"] == "http://localhost:3000")
                #expect(known["Access-Control-Expose-Headers"] == "X-Request-ID" && known["Vary"] == "Origin")
                for origin in ["https://evil.example", "https://a.example.evil.example", "null"] {
                    let unknown = try service.request("GET", target, headers: [("Origin", origin)])
                    #expect(unknown["Access-Control-Allow-Origin"] == nil && unknown["Vary"] == "Origin")
                }
            }
            let preflight = try service.request("OPTIONS", "/api/rooms", headers: [("Origin", "https://a.example")])
            #expect(preflight.status == 200)
            #expect(preflight["Access-Control-Allow-Origin"] == "https://a.example")
        }
    }

    @Test func `none means no page at all`() async throws {
        try await withService({ $0.corsOrigins = .list([]) }) { service in
            let response = try service.request("OPTIONS", "/api/rooms", headers: [("Origin", "https://a.example")])
            #expect(response.status == 200 && response["Access-Control-Allow-Origin"] == nil)
        }
    }

    @Test func `HEAD is GET without the body`() async throws {
        try await withService { service in
            for target in ["/healthz", "/", "/api/rooms?user_id=ada", "/api/rooms/x"] {
                let connection = try service.connect()
                try connection.sendRequest("GET", target)
                let get = try connection.response()
                try connection.sendRequest("HEAD", target)
                let head = try connection.response(toHead: true)
                #expect(head.status == get.status && head["Content-Length"] == get["Content-Length"])
                #expect(head["Content-Type"] == "application/json")
                // The next response begins where a body would have.
                try connection.sendRequest("GET", "/healthz")
                #expect(try connection.response().text == #"{"status":"alive"}"#)
            }
        }
    }

    @Test func `deprecated routes work, and name their successors`() async throws {
        try await withService { service in
            let byBody = try service.post("/api/chat/session/create", #"{"user_id":"ada"}"#)
            let byQuery = try service.post("/api/chat/session/create?user_id=ada")
            for response in [byBody, byQuery] {
                #expect(response.status == 200)
                #expect(response["Deprecation"] == "true")
                #expect(response["Link"] == #"</api/session/create>; rel="successor-version""#)
                let id = try #require(response.json["session_id"]?.stringValue)
                #expect(
                    response.text == #"{"session_id":"\#(id)","user_id":"ada","status":"created","#
                        + #""created_at":"2026-01-01T00:00:00.000Z"}"#
                )
                #expect(try service.get("/api/session/\(id)").status == 200)
            }
            #expect(try service.post("/api/chat/session/create").status == 422)

            let rooms = try service.get("/api/chat/rooms?user_id=ada")
            #expect(rooms.status == 200 && rooms["Deprecation"] == "true")
            #expect(rooms["Link"] == #"</api/rooms>; rel="successor-version""#)
            #expect(rooms.json["user_id"] == "ada" && rooms.json["count"] == 2)
            #expect(rooms.json["rooms"]?.arrayValue?.count == 2)
        }
    }

    @Test(arguments: [
        ("", true), ("text/event-stream", true), ("*/*", true), ("text/*", true),
        ("application/json, text/plain, */*", true), ("application/json, text/event-stream", true),
        ("application/json;q=0.5, text/event-stream;q=0.4", false), ("application/json", false),
        ("application/*", false), ("application/json, */*;q=0.1", false), ("text/event-stream;q=0, */*", false),
        ("TEXT/Event-Stream ; charset=utf-8", true),
    ])
    func `the format of more weight is sent, and the stream where both are as welcome`(
        accept: String,
        isStream: Bool
    ) throws {
        #expect(try AnswerFormat(accept: accept.isEmpty ? [] : [accept]) == (isStream ? .eventStream : .json))
        #expect(
            try AnswerFormat(accept: accept.split(separator: ",").map(String.init)) == (isStream ? .eventStream : .json)
        )
    }

    @Test(arguments: ["text/html", "*/*;q=0", "application/json;q=0, text/event-stream;q=0.0"])
    func `a client that takes neither format is refused`(accept: String) {
        #expect(throws: APIError.self) { try AnswerFormat(accept: [accept]) }
    }

    @Test func `with JSON asked for, the answer is accepted and watched elsewhere`() async throws {
        try await withService { service in
            let (session, room) = try service.makeSession()
            let response = try service.request(
                "POST",
                "/api/chat/message",
                service.question(session),
                headers: [("Accept", "application/json")]
            )
            #expect(response.status == 202)
            let stream = try #require(response.data["stream_id"]?.stringValue)
            #expect(try await service.eventually { try service.history(room).first?["status"] == "completed" })
            let events = try service.watch("session_id=\(session)&last_event_id=\(stream):0").eventsToTheEnd()
            #expect(events.first?.sequence == 1 && events.last?.status == "complete")
        }
    }
}
