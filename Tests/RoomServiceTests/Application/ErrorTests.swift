import Testing

@testable import RoomService

/// Every error of the API that a client can do something about, with its exact body; but those of single fields.
struct ErrorTests {
    private let named = FailureEnvelope.requestID

    @Test func `malformed JSON, query strings and paths are 400`() async throws {
        try await withService { service in
            let json = try service.request("POST", "/api/rooms", #"{"user_id":"#, headers: named)
            #expect(json.status == 400)
            let reason = "The body is no valid JSON: Unexpected end of the text at byte 11"
            #expect(json.text == envelope(reason, "BAD_REQUEST", "/api/rooms"))

            let query = try service.request("GET", "/api/rooms?user_id=%zz", headers: named)
            #expect(query.status == 400)
            let escape = "A '%' is not followed by two hexadecimal digits"
            #expect(query.text == envelope("The query string is malformed: \(escape)", "BAD_REQUEST", "/api/rooms"))

            let path = try service.request("GET", "/api/rooms/%zz", headers: named)
            #expect(path.status == 400)
            #expect(path.text == envelope("The path is malformed: \(escape)", "BAD_REQUEST", "/api/rooms/%zz"))
        }
    }

    @Test func `what is not there is 404, and the path of the error has no query`() async throws {
        try await withService { service in
            let room = try service.request("GET", "/api/rooms/x", headers: named)
            #expect(room.status == 404)
            #expect(room.text == envelope("Room not found", "NOT_FOUND", "/api/rooms/x"))
            let history = try service.request("GET", "/api/rooms/x/history?limit=5", headers: named)
            #expect(history.text == envelope("Room not found", "NOT_FOUND", "/api/rooms/x/history"))
            let missing = "Session not found or expired"
            for (method, target) in [("GET", "x"), ("POST", "x/stop"), ("POST", "x/reset"), ("DELETE", "x")] {
                let session = try service.request(method, "/api/session/\(target)", headers: named)
                #expect(session.status == 404)
                #expect(session.text == envelope(missing, "NOT_FOUND", "/api/session/\(target)"))
            }
            let ask = try service.request("POST", "/api/chat/message", service.question("x"), headers: named)
            #expect(ask.text == envelope(missing, "NOT_FOUND", "/api/chat/message"))
            let route = try service.request("GET", "/api/nothing?a=1", headers: named)
            #expect(route.status == 404 && route.text == envelope("Not Found", "NOT_FOUND", "/api/nothing"))
            let head = try service.request("HEAD", "/api/nothing", headers: named)
            #expect(
                head.status == 404
                    && head["Content-Length"] == String(envelope("Not Found", "NOT_FOUND", "/api/nothing").utf8.count)
            )
        }
    }

    @Test func `a method that a route does not know is 405, with those that it knows`() async throws {
        try await withService { service in
            let rooms = try service.request("PUT", "/api/rooms", "{}", headers: named)
            #expect(rooms.status == 405 && rooms["Allow"] == "GET, HEAD, POST, OPTIONS")
            #expect(rooms.text == envelope("Method Not Allowed", "METHOD_NOT_ALLOWED", "/api/rooms"))
            // A HEAD must not ask a question, nor start a stream that never ends.
            let chat = try service.request("HEAD", "/api/chat/message")
            #expect(chat.status == 405 && chat["Allow"] == "GET, POST, OPTIONS")
        }
    }

    @Test func `what a client does not take is 406, and what the service does not is 415`() async throws {
        try await withService { service in
            let accept = [("Accept", "text/html, image/*;q=0.5"), ("X-Request-ID", "test.1")]
            let body = service.question("x")
            let format = try service.request("POST", "/api/chat/message", body, headers: accept)
            #expect(format.status == 406)
            let formats = "This route answers with text/event-stream, or with application/json"
            #expect(format.text == envelope(formats, "NOT_ACCEPTABLE", "/api/chat/message"))

            let form = [("Content-Type", "application/x-www-form-urlencoded"), ("X-Request-ID", "test.1")]
            let type = try service.request("POST", "/api/rooms", "user_id=ada", headers: form)
            #expect(type.status == 415)
            let types = "The body must be JSON: send it with Content-Type: application/json"
            #expect(type.text == envelope(types, "UNSUPPORTED_MEDIA_TYPE", "/api/rooms"))
            let typed = [("Content-Type", "Application/JSON; charset=utf-8")]
            #expect(try service.request("POST", "/api/rooms", #"{"user_id":"ada"}"#, headers: typed).status == 201)
        }
    }

    @Test func `what is too large is 413, 414 or 431, and ends the connection`() async throws {
        try await withService({ $0.maxBody = 2048 }) { service in
            let body = try service.connect()
            try body.send("POST /api/rooms HTTP/1.1\r\nHost: t\r\nX-Request-ID: test.1\r\nContent-Length: 2049\r\n\r\n")
            let large = try body.response()
            #expect(large.status == 413 && large["Connection"] == "close")
            #expect(large.text == envelope("The body is longer than 2048 bytes", "CONTENT_TOO_LARGE", "/api/rooms"))
            body.halfClose()
            #expect(try body.isClosed())

            let long = try service.get("/" + String(repeating: "a", count: 8192))
            #expect(long.status == 414 && long.code == "URI_TOO_LONG" && long["X-Request-ID"] != nil)
            let field = [("X-Request-ID", "test.1"), ("X-Large", String(repeating: "a", count: 16_384))]
            let fields = try service.request("GET", "/healthz", headers: field)
            #expect(fields.status == 431)
            #expect(
                fields.text == envelope("The header fields are too large", "HEADER_FIELDS_TOO_LARGE", "/healthz")
            )
        }
    }

    @Test func `rooms and sessions of others are 403`() async throws {
        try await withService { service in
            let (session, room) = try service.makeSession()
            let refused = envelope("Access denied: You don't own this room", "ACCESS_DENIED", "/api/rooms/\(room)")
            let rename = #"{"room_name":"mine"}"#
            let patch = try service.request("PATCH", "/api/rooms/\(room)?user_id=eve", rename, headers: named)
            #expect(patch.status == 403 && patch.text == refused)
            let delete = try service.request("DELETE", "/api/rooms/\(room)?user_id=eve", headers: named)
            #expect(delete.status == 403 && delete.text == refused)
            let create = #"{"user_id":"eve","room_id":"\#(room)"}"#
            let visit = try service.request("POST", "/api/session/create", create, headers: named)
            #expect(visit.status == 403)
            #expect(
                visit.text == envelope("Access denied: You don't own this room", "ACCESS_DENIED", "/api/session/create")
            )
            let question = #"{"session_id":"\#(session)","query":"hi","user_id":"eve"}"#
            let ask = try service.request("POST", "/api/chat/message", question, headers: named)
            #expect(ask.status == 403)
            #expect(
                ask.text == envelope("Access denied: You don't own this session", "ACCESS_DENIED", "/api/chat/message")
            )
            let watch = "/api/chat/message?session_id=\(session)&user_id=eve"
            #expect(try service.request("GET", watch, headers: named).text == ask.text)
        }
    }

    @Test func `conflicts are 409, and a busy session names its stream`() async throws {
        try await withService { service in
            let (session, _) = try service.makeSession()
            let elsewhere = #"{"session_id":"\#(session)","query":"hi","room_id":"room_other"}"#
            let room = try service.request("POST", "/api/chat/message", elsewhere, headers: named)
            #expect(room.status == 409)
            #expect(
                room.text == envelope("The room is not the session's room", "ROOM_MISMATCH", "/api/chat/message")
            )

            let running = try service.ask(session, demo: #"{"rate":1,"tokens":100}"#)
            let stream = try #require(try running.dataEvent()?.streamID)
            let busy = try service.request("POST", "/api/chat/stream", service.question(session), headers: named)
            #expect(busy.status == 409)
            #expect(
                busy.text
                    == envelope(
                        "This session is already streaming another message",
                        "STREAM_ACTIVE",
                        "/api/chat/stream",
                        data: #","data":{"stream_id":"\#(stream)"}"#
                    )
            )
        }
    }

    @Test func `too many rooms and streams are refused`() async throws {
        try await withService({
            $0.maxRoomsPerUser = 2
            $0.maxStreamsPerUser = 1
            $0.maxStreams = 2
        }) { service in
            let sessions = [try service.makeSession().session, try service.makeSession().session]
            let limit = "Maximum room limit (2) reached. Please delete old rooms."
            let room = try service.request("POST", "/api/rooms", #"{"user_id":"ada"}"#, headers: named)
            #expect(room.status == 400 && room.text == envelope(limit, "ROOM_LIMIT_EXCEEDED", "/api/rooms"))
            let session = try service.request("POST", "/api/session/create", #"{"user_id":"ada"}"#, headers: named)
            #expect(session.status == 400)
            #expect(session.text == envelope(limit, "ROOM_LIMIT_EXCEEDED", "/api/session/create"))

            let slow = #"{"rate":1,"tokens":100}"#
            let first = try service.ask(sessions[0], demo: slow)
            let ask = service.question(sessions[1])
            let second = try service.request("POST", "/api/chat/message", ask, headers: named)
            #expect(second.status == 429 && second["Retry-After"] == "1")
            let streams = "Maximum of 1 concurrent streams reached"
            #expect(second.text == envelope(streams, "STREAM_LIMIT_EXCEEDED", "/api/chat/message"))

            let other = try service.ask(service.makeSession(user: "bob").session, demo: slow)
            let third = service.question(try service.makeSession(user: "cy").session)
            let full = try service.request("POST", "/api/chat/message", third, headers: named)
            #expect(full.status == 503 && full["Retry-After"] == "2")
            let capacity = "The service is at its capacity. Please try again."
            #expect(full.text == envelope(capacity, "OVERLOADED", "/api/chat/message"))
            withExtendedLifetime((first, other)) {}
        }
    }
}
