import Primitives
import Storage
import Testing

@testable import RoomService

struct RoomTests {
    private func make(_ service: TestService, name: String, user: String = "ada") throws -> TestResponse {
        let body: JSONObject = ["user_id": .string(user), "room_name": .string(name)]
        return try service.post("/api/rooms", String(decoding: JSONValue.object(body).encoded, as: UTF8.self))
    }

    @Test func `a new room is shown as it is stored`() async throws {
        try await withService { service in
            let body = #"{"user_id":"ada.l@example:1-2","metadata":{"b":[1,2.5,null],"a":"é"}}"#
            let created = try service.post("/api/rooms", body)
            #expect(created.status == 201)
            let id = try #require(created.data["room_id"]?.stringValue)
            let room =
                #"{"room_id":"\#(id)","user_id":"ada.l@example:1-2","room_name":"Chat 2026-01-01 00:00","#
                + #""created_at":"2026-01-01T00:00:00.000Z","last_activity":"2026-01-01T00:00:00.000Z","#
                + #""message_count":0,"metadata":{"b":[1,2.5,null],"a":"é"}}"#
            #expect(
                created.text == #"{"success":true,"message":"Room created successfully","data":\#(room),"#
                    + #""timestamp":"2026-01-01T00:00:00.000Z"}"#
            )
            let shown = try service.get("/api/rooms/\(id)")
            #expect(shown.json["message"] == "Room retrieved successfully")
            #expect(shown.text.contains(room))
        }
    }

    @Test func `names are trimmed, and counted in characters`() async throws {
        try await withService { service in
            let hundred = String(repeating: "ü🙂", count: 50)
            #expect(try make(service, name: " \u{2003}\(hundred)\t").data["room_name"] == .string(hundred))
            for (name, type) in [
                (hundred + "x", "string_too_long"), ("\u{3000} ", "string_too_short"), ("a\u{7}b", "value_error"),
                ("a\nb", "value_error"), ("a\u{85}b", "value_error"),
            ] {
                let response = try make(service, name: name)
                #expect(response.status == 422)
                let fault = response.json["details"]?.arrayValue?.first?.objectValue
                #expect(fault?["type"] == .string(type) && fault?["field"] == "body.room_name")
            }
        }
    }

    @Test func `metadata may have 10,240 bytes, and not one more`() async throws {
        try await withService { service in
            func create(_ count: Int) throws -> TestResponse {
                let text = String(repeating: "x", count: count - #"{"k":""}"#.utf8.count)
                return try service.post("/api/rooms", #"{"user_id":"ada", "metadata" : { "k" : "\#(text)" }}"#)
            }
            let largest = try create(10_240)
            #expect(largest.status == 201)
            #expect(largest.data["metadata"]?.encoded.count == 10_240)
            let larger = try create(10_241)
            #expect(larger.status == 422)
            #expect(larger.json["details"]?.arrayValue?.first?.objectValue?["field"] == "body.metadata")
        }
    }

    @Test func `a change replaces what it names, and nothing else`() async throws {
        try await withService { service in
            let created = try service.post("/api/rooms", #"{"user_id":"ada","room_name":"a","metadata":{"x":1,"y":2}}"#)
            let id = try #require(created.data["room_id"]?.stringValue)
            await service.advance(by: .seconds(1))
            let target = "/api/rooms/\(id)?user_id=ada"
            let metadata = try service.request("PATCH", target, #"{"metadata":{"z":3}}"#)
            #expect(metadata.status == 200 && metadata.json["message"] == "Room updated successfully")
            #expect(metadata.data["room_name"] == "a" && metadata.data["metadata"] == ["z": 3])
            #expect(metadata.data["updated_at"] == "2026-01-01T00:00:01.000Z")
            #expect(metadata.data["last_activity"] == "2026-01-01T00:00:00.000Z")
            let name = try service.request("PATCH", target, #"{"room_name":"b","metadata":null}"#)
            #expect(name.data["room_name"] == "b" && name.data["metadata"] == ["z": 3])
            let neither = try service.request("PATCH", target, "{}")
            #expect(neither.status == 200 && neither.data["room_name"] == "b")
            for (target, body) in [
                ("/api/rooms/\(id)", "{}"), (target, nil), (target, "[]"), (target, #"{"room_name":1}"#),
            ] {
                #expect(try service.request("PATCH", target, body).status == 422)
            }
            #expect(try service.request("PATCH", "/api/rooms/x?user_id=ada", "{}").error == "Room not found")
            // Of a parameter that comes twice, the last counts.
            let twice = try service.request("PATCH", "/api/rooms/\(id)?user_id=eve&user_id=ada", #"{"room_name":"c"}"#)
            #expect(twice.status == 200)
            #expect(try service.request("PATCH", "/api/rooms/\(id)?user_id=ada&user_id=eve", "{}").status == 403)
        }
    }

    @Test func `a list comes in pages and in the order asked for`() async throws {
        try await withService { service in
            for name in ["b", "a", "c"] {
                #expect(try make(service, name: name).status == 201)
                await service.advance(by: .seconds(1))
            }
            _ = try make(service, name: "d", user: "bob")
            func list(_ query: String) throws -> TestResponse { try service.get("/api/rooms?user_id=ada&\(query)") }
            func names(_ query: String) throws -> [String?] {
                (try list(query).data["rooms"]?.arrayValue ?? []).map { $0.objectValue?["room_name"]?.stringValue }
            }
            #expect(try names("") == ["c", "a", "b"])
            #expect(try names("sort_by=created_at&order=asc") == ["b", "a", "c"])
            #expect(try names("sort_by=room_name&order=asc") == ["a", "b", "c"])
            #expect(try names("sort_by=room_name") == ["c", "b", "a"])
            #expect(try names("sort_by=room_id%27--") == ["c", "a", "b"], "unknown means last_activity")
            for (query, expected) in [
                ("limit=2", [3, 1, 2, true]), ("limit=2&offset=2", [3, 2, 2, false]),
                ("limit=2&offset=1", [3, 1, 2, false]), ("limit=1&offset=1", [3, 2, 1, true]),
                ("offset=7&limit=3", [3, 3, 3, false]), ("", [3, 1, 50, false]),
            ] as [(String, [JSONValue])] {
                let data = try list(query).data
                #expect(
                    [data["total"], data["page"], data["page_size"], data["has_more"]] == expected.map(Optional.some)
                )
            }
            for query in [
                "limit=0", "limit=101", "limit=-1", "limit=1.5", "limit=", "limit=9999999999999999999999", "offset=-1",
                "offset=x", "offset=9007199254740993", "order=up", "order=DESC", "order=",
            ] {
                #expect(try list(query).status == 422, "\(query)")
            }
            let all = try service.get("/api/rooms?limit=0&offset=-1&order=up")
            #expect(all.json["details"]?.arrayValue?.count == 4)
            #expect(try service.get("/api/rooms?user_id=a%20b").status == 422)
            #expect(try service.get("/api/rooms?user_id=\(String(repeating: "a", count: 128))").status == 200)
            #expect(try service.get("/api/rooms?user_id=\(String(repeating: "a", count: 129))").status == 422)
        }
    }

    @Test func `a list shows the beginning of each room's last answer`() async throws {
        try await withService { service in
            let (session, room) = try service.makeSession()
            let empty = try service.get("/api/rooms?user_id=ada").data["rooms"]?.arrayValue?.first?.objectValue
            #expect(empty?["last_message"] == .null)
            let answer = try #require(try service.ask(session).eventsToTheEnd().last?.content)
            let rooms = try service.get("/api/rooms?user_id=ada").data["rooms"]?.arrayValue
            let last = try #require(rooms?.first?.objectValue?["last_message"]?.objectValue)
            #expect(last["user_input"] == "What can you do?" && last["agent_type"] == "assistant")
            #expect(last["agent_response"] == .string(String(answer.prefix(100)) + "..."))
            #expect(try service.get("/api/rooms/\(room)").data["message_count"] == 1)
        }
    }

    @Test func `an excerpt is bounded whatever the text`() {
        func excerpt(_ text: String) -> String? {
            let room = Room.new(id: "r", userID: "u", at: Timestamp(milliseconds: 0))
            let message = Conversation(
                id: "c",
                userID: "u",
                sessionID: "s",
                roomID: "r",
                agentType: "assistant",
                userInput: "q",
                agentResponse: text,
                timestamp: Timestamp(milliseconds: 0)
            )
            let json = RoomSummary(room: room, lastMessage: message).json
            return json["last_message"]?.objectValue?["agent_response"]?.stringValue
        }
        let hundred = String(repeating: "ü", count: 100)
        #expect(excerpt(hundred) == hundred)
        #expect(excerpt(hundred + "x") == hundred + "...")
        // One character to a reader, and as long as somebody likes.
        #expect(excerpt("a" + String(repeating: "\u{301}", count: 10_000))?.unicodeScalars.count == 103)
    }

    @Test func `a history comes newest page first, and oldest first within it`() async throws {
        try await withService { service in
            let (session, room) = try service.makeSession()
            for index in 0..<5 {
                _ = try service.ask(session, "q\(index)").eventsToTheEnd()
                await service.advance(by: .seconds(1))
            }
            func page(_ query: String) throws -> (JSONObject, [String?]) {
                let data = try service.get("/api/rooms/\(room)/history?\(query)").data
                let list = data["conversations"]?.arrayValue ?? []
                return (data, list.map { $0.objectValue?["user_input"]?.stringValue })
            }
            let (first, newest) = try page("limit=2")
            #expect(newest == ["q3", "q4"])
            #expect(first["room_id"] == .string(room) && first["total"] == 5 && first["has_more"] == true)
            #expect(try page("limit=2&offset=2").1 == ["q1", "q2"])
            let (last, oldest) = try page("limit=2&offset=4")
            #expect(oldest == ["q0"] && last["has_more"] == false && last["page"] == 3)
            #expect(try service.get("/api/rooms/\(room)/history?limit=201").status == 422)

            let conversation = try #require(try service.history(room).first)
            let names = [
                "conversation_id", "timestamp", "user_input", "agent_response", "agent_type", "session_id", "room_id",
                "status", "metadata",
            ]
            #expect(conversation.members.map(\.key) == names)
        }
    }

    @Test func `the flat histories hold what they are asked for`() async throws {
        try await withService { service in
            let (session, room) = try service.makeSession()
            _ = try service.ask(session).eventsToTheEnd()
            for (target, members) in [
                ("history?user_id=ada", ["count", "conversations"]),
                ("history/assistant?user_id=ada", ["agent_type", "count", "conversations"]),
                ("history/assistant?session_id=\(session)&user_id=ada", ["agent_type", "count", "conversations"]),
                ("rooms/\(room)/history?limit=5", ["room_id", "count", "conversations"]),
            ] {
                let response = try service.get("/api/chat/\(target)")
                #expect(response.status == 200 && response.json["count"] == 1, "\(target)")
                #expect(response.json["conversations"]?.arrayValue?.count == 1)
                #expect(response.json.members.map(\.key) == members)
            }
            for target in [
                "history?user_id=eve", "history/other?user_id=ada",
                "history/assistant?session_id=\(session)&user_id=eve",
            ] {
                #expect(try service.get("/api/chat/\(target)").json["count"] == 0, "\(target)")
            }
            for target in ["history", "history/assistant", "history?user_id=ada&limit=201"] {
                #expect(try service.get("/api/chat/\(target)").status == 422, "\(target)")
            }
            #expect(try service.get("/api/chat/rooms/x/history").error == "Room not found")
            #expect(try service.get("/api/chat/info").json["default_agent"] == "assistant")
        }
    }

    @Test func `an id may be as odd as it likes`() async throws {
        try await withService { service in
            for id in [String(repeating: "a", count: 4000), "%00", "..", "a%2Fb", "%F0%9F%99%82", "'%20OR%201=1--"] {
                let status = try service.get("/api/rooms/\(id)").status
                #expect(status == (id == "%00" ? 400 : 404), "\(id.prefix(20))")
            }
            let long = String(repeating: "a", count: 129)
            #expect(try service.post("/api/chat/message", service.question(long)).status == 422)
            #expect(try service.post("/api/chat/message", service.question("a\\u0000b")).status == 404)
        }
    }
}
