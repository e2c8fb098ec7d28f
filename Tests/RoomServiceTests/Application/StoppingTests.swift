import Primitives
import Testing

@testable import RoomService

struct StoppingTests {
    private let slow = #"{"rate":1,"tokens":100}"#

    @Test(arguments: [1, 2])
    func `what a stop reports is what is stored, and what the terminal event says`(loops: Int) async throws {
        try await withService(loops: loops) { service in
            let (session, room) = try service.makeSession()
            let watching = try service.ask(session, demo: slow)
            var events: [TestEvent] = []
            while events.count < 2 { events.append(try #require(try watching.dataEvent())) }
            await service.advance(by: .seconds(3))
            while events.count < 5 { events.append(try #require(try watching.dataEvent())) }
            let response = try service.post("/api/session/\(session)/stop")
            let partial = events.dropFirst().compactMap(\.content).joined()
            #expect(response.json["message"] == "Stream stop requested")
            let expected: JSONObject = [
                "session_id": .string(session), "room_id": .string(room), "status": "stop_requested",
                "stream_id": .string(events[0].streamID ?? ""), "partial_response": .string(partial), "delivered": true,
            ]
            #expect(response.data == expected)
            let stored = try #require(try service.history(room).first)
            #expect(stored["status"] == "cancelled" && stored["agent_response"] == .string(partial))
            let terminal = try #require(try watching.dataEvent())
            #expect(terminal.status == "cancelled" && terminal.content == partial && terminal.sequence == 5)
            #expect(terminal.json["message"] == "Stream stopped by user")
            #expect(try watching.dataEvent()?.data == "[DONE]")
            #expect(try watching.dataEvent() == nil)
        }
    }

    @Test func `with nothing to stop, nothing is found`() async throws {
        try await withService { service in
            let (session, room) = try service.makeSession()
            let response = try service.post("/api/session/\(session)/stop", "{}")
            #expect(response.status == 200)
            #expect(response.json["message"] == "No active stream found for this session")
            let expected: JSONObject = [
                "session_id": .string(session), "room_id": .string(room), "status": "not_found", "stream_id": nil,
                "partial_response": nil,
            ]
            #expect(response.data == expected)
        }
    }

    @Test func `a stop that names a stream never stops another one`() async throws {
        try await withService { service in
            let (session, room) = try service.makeSession()
            let first = try service.ask(session).eventsToTheEnd()
            let second = try service.ask(session, demo: slow)
            let stream = try #require(try second.dataEvent()?.streamID)
            let stale = #"{"stream_id":"\#(first[0].streamID ?? "")"}"#
            #expect(try service.post("/api/session/\(session)/stop", stale).data["status"] == "not_found")
            #expect(try service.history(room).map { $0["status"] } == ["completed", "streaming"])
            let current = try service.post("/api/session/\(session)/stop", #"{"stream_id":"\#(stream)"}"#)
            #expect(current.data["status"] == "stop_requested" && current.data["stream_id"] == .string(stream))
        }
    }

    @Test(arguments: [1, 2])
    func `right after a stop the session takes the next question`(loops: Int) async throws {
        try await withService({ $0.rateLimits = .off }, loops: loops) { service in
            let (session, room) = try service.makeSession()
            for _ in 0..<20 {
                let stream = try service.ask(session, demo: slow)
                #expect(try service.post("/api/session/\(session)/stop").data["status"] == "stop_requested")
                #expect(try stream.eventsToTheEnd().last?.status == "cancelled")
            }
            #expect(try service.ask(session).eventsToTheEnd().last?.status == "complete")
            let statuses = try service.history(room).compactMap { $0["status"]?.stringValue }
            #expect(statuses == Array(repeating: "cancelled", count: 20) + ["completed"])
        }
    }

    /// The answer is unpaced, so that the stop comes before, in and after its end; whichever it is, all tell the same.
    @Test(arguments: [1, 2])
    func `a stop that races with the end tells how it ended`(loops: Int) async throws {
        try await withService({ $0.rateLimits = .off }, loops: loops) { service in
            let (session, room) = try service.makeSession()
            for round in 0..<60 {
                let watching = try service.ask(session, demo: #"{"rate":0,"tokens":\#(round * 40 + 1)}"#)
                let stop = try service.post("/api/session/\(session)/stop").data
                let stored = try #require(try service.history(room).last)
                let events = try watching.eventsToTheEnd()
                let terminal = try #require(events.last)
                let shown = events.compactMap { $0.status == "streaming" ? $0.content : nil }.joined()
                #expect(terminal.content == stored["agent_response"]?.stringValue)
                #expect(terminal.content?.hasPrefix(shown) == true, "nothing that was not kept")
                if stop["status"] == "stop_requested" {
                    #expect(stored["status"] == "cancelled" && terminal.status == "cancelled")
                    #expect(stored["agent_response"] == stop["partial_response"])
                } else {
                    #expect(stored["status"] == "completed" && terminal.status == "complete")
                }
                // Whoever has seen the end has nothing left.
                let headers = [("Last-Event-ID", try #require(terminal.id))]
                let rest = try service.request("GET", "/api/chat/message?session_id=\(session)", headers: headers)
                #expect(rest.status == 204, "\(terminal)")
            }
        }
    }

    @Test func `a deleted room takes its streams along`() async throws {
        try await withService { service in
            let (session, room) = try service.makeSession()
            _ = try service.ask(session).eventsToTheEnd()
            let stream = try service.ask(session, demo: slow)
            let response = try service.request("DELETE", "/api/rooms/\(room)?user_id=ada")
            #expect(response.data == ["room_id": .string(room), "conversations_deleted": 2])
            let events = try stream.eventsToTheEnd()
            #expect(events.last?.status == "cancelled")
            #expect(try service.get("/api/rooms/\(room)").status == 404)
            #expect(try service.get("/api/session/\(session)").status == 404)
            let headers = [("Last-Event-ID", events[0].id ?? "")]
            let resumed = try service.request("GET", "/api/chat/message?session_id=\(session)", headers: headers)
            #expect(resumed.status == 404)
        }
    }
}
