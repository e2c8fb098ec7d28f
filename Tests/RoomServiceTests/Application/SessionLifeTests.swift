import Primitives
import Testing

@testable import RoomService

struct SessionLifeTests {
    private let gone = "Session not found or expired"

    @Test(arguments: [1, 2])
    func `a session ends 30 minutes after it was made, however busy it is`(loops: Int) async throws {
        try await withService(loops: loops) { service in
            let (session, room) = try service.makeSession()
            let shown = try service.get("/api/session/\(session)").data
            #expect(shown["created_at"] == "2026-01-01T00:00:00.000Z")
            #expect(shown["expires_at"] == "2026-01-01T00:30:00.000Z")
            for _ in 0..<5 {
                await service.advance(by: .seconds(5 * 60))
                _ = try service.ask(session).eventsToTheEnd()
            }
            await service.advance(by: .seconds(5 * 60) - .milliseconds(1))
            #expect(try service.get("/api/session/\(session)").status == 200)
            await service.advance(by: .milliseconds(1))
            for (method, target, body) in [
                ("GET", "/api/session/\(session)", nil), ("POST", "/api/session/\(session)/reset", nil),
                ("POST", "/api/session/\(session)/stop", nil), ("DELETE", "/api/session/\(session)", nil),
                ("DELETE", "/api/session/\(session)/history?room_id=\(room)", nil),
                ("GET", "/api/chat/message?session_id=\(session)", nil),
                ("GET", "/api/chat/message?session_id=\(session)&query=hi", nil),
                ("POST", "/api/chat/message", service.question(session)),
            ] {
                let response = try service.request(method, target, body)
                #expect(response.status == 404 && response.error == gone, "\(method) \(target)")
            }
            #expect(try service.history(room).count == 5)
        }
    }

    @Test func `housekeeping removes sessions that have ended`() async throws {
        try await withService { service in
            let (session, _) = try service.makeSession()
            #expect(try await service.store.sessionCount(at: service.time.now) == 1)
            await service.advance(by: .seconds(30 * 60))
            let past = Timestamp(milliseconds: 0)
            // For the store, nothing expires before its time: the row itself must be gone.
            #expect(
                await service.eventually { (try? await service.store.session(id: session, at: past)) == .some(nil) }
            )
        }
    }

    @Test func `10 idle minutes clear the context and keep the session`() async throws {
        try await withService { service in
            let (session, room) = try service.makeSession()
            _ = try service.ask(session).eventsToTheEnd()
            await service.advance(by: .seconds(1))
            _ = try service.ask(session).eventsToTheEnd()
            func shown() throws -> JSONObject { try service.get("/api/session/\(session)").data }
            #expect(try shown()["conversation_count"] == 2)
            #expect(try shown()["last_activity"] == "2026-01-01T00:00:01.000Z")

            await service.advance(by: .seconds(10 * 60) - .milliseconds(1))
            #expect(try shown()["conversation_count"] == 2)
            await service.advance(by: .milliseconds(1))
            #expect(try shown()["conversation_count"] == 0)
            #expect(try service.post("/api/session/\(session)/reset").data["conversations_cleared"] == 0)

            await service.advance(by: .seconds(1))
            _ = try service.ask(session).eventsToTheEnd()
            #expect(try shown()["conversation_count"] == 1)
            #expect(try service.history(room).count == 3)
        }
    }

    @Test func `while an answer is made, a session is not idle`() async throws {
        try await withService { service in
            let (session, _) = try service.makeSession()
            _ = try service.ask(session).eventsToTheEnd()
            let long = try service.ask(session, demo: #"{"rate":0.001,"tokens":100}"#)
            await service.advance(by: .seconds(15 * 60))
            #expect(try service.get("/api/session/\(session)").data["conversation_count"] == 1)
            withExtendedLifetime(long) {}
        }
    }

    @Test func `an idle session's next question starts a new context in the store too`() async throws {
        try await withService { service in
            let (id, _) = try service.makeSession()
            _ = try service.ask(id).eventsToTheEnd()
            await service.advance(by: .seconds(10 * 60))
            _ = try service.ask(id).eventsToTheEnd()
            let session = try #require(try await service.store.session(id: id, at: service.time.now))
            #expect(session.context.from == service.time.now)
            #expect(try await service.store.context(of: session, limit: 10).count == 1)
        }
    }

    @Test func `a reset clears what the agents see, of one agent or of all`() async throws {
        try await withService { service in
            let (session, room) = try service.makeSession()
            _ = try service.ask(session).eventsToTheEnd()
            await service.advance(by: .seconds(1))
            let other = try service.post("/api/session/\(session)/reset", #"{"agent_type":"other"}"#)
            #expect(other.data == ["session_id": .string(session), "reset_scope": "other", "conversations_cleared": 0])
            let one = try service.post("/api/session/\(session)/reset", #"{"agent_type":"assistant"}"#)
            #expect(one.data["reset_scope"] == "assistant" && one.data["conversations_cleared"] == 1)
            _ = try service.ask(session).eventsToTheEnd()
            await service.advance(by: .seconds(1))
            let all = try service.post("/api/session/\(session)/reset", "null")
            #expect(all.data["reset_scope"] == "all" && all.data["conversations_cleared"] == 1)
            #expect(try service.get("/api/session/\(session)").data["conversation_count"] == 0)
            #expect(try service.history(room).count == 2)
        }
    }

    @Test func `a deleted session ends its stream and keeps its history`() async throws {
        try await withService { service in
            let (session, room) = try service.makeSession()
            let stream = try service.ask(session, demo: #"{"rate":1,"tokens":100}"#)
            let shown = try service.get("/api/session/\(session)").data["active_stream"]?.objectValue
            #expect(shown?["status"] == "streaming" && shown?["started_at"] == "2026-01-01T00:00:00.000Z")
            let response = try service.request("DELETE", "/api/session/\(session)")
            #expect(response.data == ["session_id": .string(session), "status": "deleted"])
            #expect(try stream.eventsToTheEnd().last?.status == "cancelled")
            #expect(try service.get("/api/session/\(session)").status == 404)
            #expect(try service.history(room).map { $0["status"] } == ["cancelled"])
        }
    }

    @Test func `an answer that outlasts its session can still be stopped`() async throws {
        try await withService { service in
            let (session, room) = try service.makeSession()
            await service.advance(by: .seconds(29 * 60))
            let stream = try service.ask(session, demo: #"{"rate":0.01,"tokens":100}"#)
            await service.advance(by: .seconds(2 * 60))
            #expect(try service.get("/api/session/\(session)").error == gone)
            let stop = try service.post("/api/session/\(session)/stop")
            #expect(stop.status == 200 && stop.data["status"] == "stop_requested")
            #expect(stop.data["room_id"] == .string(room))
            #expect(try stream.eventsToTheEnd().last?.status == "cancelled")
            #expect(try service.post("/api/session/\(session)/stop").error == gone)
        }
    }

    @Test func `a session's history can be deleted, for its own room alone`() async throws {
        try await withService { service in
            let (session, room) = try service.makeSession()
            _ = try service.ask(session, messageID: "m1").eventsToTheEnd()
            let wrong = try service.request("DELETE", "/api/session/\(session)/history?room_id=room_other")
            #expect(wrong.status == 409 && wrong.code == "ROOM_MISMATCH")
            let response = try service.request("DELETE", "/api/session/\(session)/history?room_id=\(room)")
            let expected: JSONObject = [
                "session_id": .string(session), "room_id": .string(room), "conversations_deleted": 1,
            ]
            #expect(response.data == expected)
            #expect(try service.history(room).isEmpty)
            // What is deleted is not replayed either.
            _ = try service.ask(session, messageID: "m1").eventsToTheEnd()
            #expect(try service.history(room).count == 1)
        }
    }
}
