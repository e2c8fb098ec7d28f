import Primitives
import Testing

@testable import RoomService

/// A GET never answers a question twice.
struct ReconnectingTests {
    private let slow = #"{"rate":1,"tokens":5}"#
    private let slowQuery = "context=%7B%22demo%22:%7B%22rate%22:1,%22tokens%22:5%7D%7D"

    /// Lets a stream of five tokens, one a second, come to its end.
    private func finish(_ service: TestService) async {
        for _ in 0..<5 { await service.advance(by: .seconds(1)) }
    }

    @Test(arguments: [1, 2])
    func `with Last-Event-ID the rest of the stream comes, nothing lost or repeated`(loops: Int) async throws {
        try await withService(loops: loops) { service in
            let (session, room) = try service.makeSession()
            let first = try service.ask(session, demo: slow)
            let retry = try first.event()
            #expect((1000...4000).contains(retry?.retry ?? 0))
            var events = [try #require(try first.dataEvent()), try #require(try first.dataEvent())]
            // By the header while it runs, and by the parameter.
            let id = try #require(events[1].id)
            let byHeader = try service.watch("session_id=\(session)&query=What", lastEventID: id)
            let byParameter = try service.watch("session_id=\(session)&last_event_id=\(id)")
            await finish(service)
            let rest = try byHeader.eventsToTheEnd()
            #expect(try byParameter.eventsToTheEnd() == rest)
            #expect(try byHeader.event() == nil, "a GET sends no [DONE]")
            events += try first.eventsToTheEnd()
            #expect(try first.dataEvent()?.data == "[DONE]")
            #expect(try first.dataEvent() == nil)
            #expect(events.dropFirst(2).elementsEqual(rest))
            #expect(events.map(\.sequence) == [0, 1, 2, 3, 4, 5, 6])
            #expect(events.compactMap { $0.status == "streaming" ? $0.content : nil }.joined() == events.last?.content)
            // After the end, from every place in it.
            for (index, event) in events.dropLast().enumerated() {
                let again = try service.watch("session_id=\(session)", lastEventID: event.id)
                #expect(try again.eventsToTheEnd() == Array(events[(index + 1)...]))
            }
            let last = [("Last-Event-ID", try #require(events.last?.id))]
            let nothing = try service.request("GET", "/api/chat/message?session_id=\(session)", headers: last)
            #expect(nothing.status == 204 && nothing.body.isEmpty)
            #expect(try service.history(room).count == 1)
        }
    }

    @Test func `an event id of no stream of the session is 404`() async throws {
        try await withService { service in
            let (session, _) = try service.makeSession()
            let events = try service.ask(session).eventsToTheEnd()
            let stream = try #require(events.first?.streamID)
            let (other, _) = try service.makeSession(user: "eve")
            for (session, id) in [
                (other, "\(stream):1"), (session, "stream_x:1"), (session, "1"), (session, "\(stream):99999"),
                (session, "\(stream):-1"), (session, "\(stream):99999999999999999999"),
            ] {
                let headers = [("Last-Event-ID", id)]
                let response = try service.request("GET", "/api/chat/message?session_id=\(session)", headers: headers)
                #expect(response.status == 404 && response.error == "Stream not found", "\(id)")
            }
            let nobody = try service.request("GET", "/api/chat/message", headers: [("Last-Event-ID", "\(stream):1")])
            #expect(nobody.status == 422)
        }
    }

    @Test func `the same query joins the running stream by GET, and is refused by POST`() async throws {
        try await withService { service in
            let (session, room) = try service.makeSession()
            let query = "session_id=\(session)&query=Why&\(slowQuery)"
            let first = try service.watch(query)
            let started = try #require(try first.dataEvent())
            let joined = try service.watch(query)
            #expect(try joined.dataEvent() == started, "from its start")
            let post = try service.post("/api/chat/message", service.question(session, "Why"))
            #expect(post.status == 409 && post.data["stream_id"] == .string(started.streamID ?? ""))
            let different = try service.get("/api/chat/message?session_id=\(session)&query=How")
            #expect(different.status == 409 && different.code == "STREAM_ACTIVE")
            await finish(service)
            #expect(try first.eventsToTheEnd() == joined.eventsToTheEnd())
            #expect(try service.history(room).count == 1)
            // Once it has ended, the same question is a new one.
            let again = try service.watch(query)
            #expect(try again.dataEvent()?.streamID != started.streamID)
            #expect(try service.history(room).count == 2)
        }
    }

    @Test func `the same message id joins while it runs, and replays after the end`() async throws {
        try await withService { service in
            let (session, room) = try service.makeSession()
            let query = "session_id=\(session)&query=Why&message_id=m1&\(slowQuery)"
            let first = try service.watch(query)
            let joined = try service.watch(query)
            // A POST with the id is the same question too.
            let posted = try service.ask(session, "Why", messageID: "m1")
            await finish(service)
            let events = try first.eventsToTheEnd()
            #expect(events.last?.status == "complete" && events.count == 7)
            #expect(try joined.eventsToTheEnd() == events)
            #expect(try posted.eventsToTheEnd() == events)
            #expect(try service.watch(query).eventsToTheEnd() == events)
            #expect(try service.history(room).count == 1)

            // When the events are no longer held, the stored answer comes, as one piece.
            await service.advance(by: .seconds(301))
            let replayed = try service.watch(query).eventsToTheEnd()
            #expect(replayed.map(\.status) == ["reset", "complete"])
            #expect(replayed.map(\.content) == [events.last?.content, events.last?.content])
            #expect(try service.history(room).count == 1)
            // In another session the id is another question's.
            let (other, otherRoom) = try service.makeSession()
            _ = try service.ask(other, messageID: "m1").eventsToTheEnd()
            #expect(try service.history(otherRoom).count == 1)
        }
    }

    @Test(arguments: [1, 2])
    func `with neither, the session's streams come one after the other`(loops: Int) async throws {
        try await withService(loops: loops) { service in
            let (session, _) = try service.makeSession()
            let early = try service.watch("session_id=\(session)")
            let first = try service.ask(session, demo: slow)
            _ = try first.dataEvent()
            let late = try service.watch("session_id=\(session)")
            await finish(service)
            let firstEvents = try first.eventsToTheEnd()
            let seen = try early.eventsToTheEnd()
            #expect(seen.map(\.sequence) == [0, 1, 2, 3, 4, 5, 6] && seen.dropFirst().elementsEqual(firstEvents))
            #expect(try late.eventsToTheEnd() == seen)
            let second = try service.ask(session, "And then?").eventsToTheEnd()
            #expect(try early.eventsToTheEnd() == second)
            #expect(try late.eventsToTheEnd() == second)
            #expect(early.isQuiet, "it stays open")
        }
    }

    @Test func `a stream is held for its retention, and its stored answer comes afterwards`() async throws {
        try await withService({ $0.streamRetention = .seconds(60) }) { service in
            let (session, _) = try service.makeSession()
            let events = try service.ask(session, demo: #"{"rate":0,"tokens":3}"#).eventsToTheEnd()
            let ids = try events.map { try #require($0.id) }
            await service.advance(by: .milliseconds(59_999))
            #expect(
                try service.watch("session_id=\(session)", lastEventID: ids[1]).eventsToTheEnd() == Array(events[2...])
            )
            await service.advance(by: .milliseconds(1))
            let late = try service.watch("session_id=\(session)", lastEventID: ids[1])
            let reset = try #require(try late.dataEvent())
            #expect(reset.status == "reset" && reset.content == events.last?.content)
            #expect(try late.dataEvent() == events.last)
            #expect(try late.dataEvent() == nil)
            for id in [ids[4], "\(events[0].streamID ?? ""):5"] {
                let headers = [("Last-Event-ID", id)]
                let nothing = try service.request("GET", "/api/chat/message?session_id=\(session)", headers: headers)
                #expect(nothing.status == 204)
            }
            // From the `reset` on, only the end is left.
            let rest = try service.watch("session_id=\(session)", lastEventID: reset.id).eventsToTheEnd()
            #expect(rest.last == events.last)
        }
    }

    @Test func `a question that was answered long ago is answered alike to all who ask again at once`() async throws {
        try await withService { service in
            let (session, room) = try service.makeSession()
            let text = try service.ask(session, messageID: "m1").eventsToTheEnd().last?.content
            await service.advance(by: .seconds(6 * 60))
            let clients = try (0..<20).map { _ in
                let client = try service.connect()
                try client.sendRequest("POST", "/api/chat/message", service.question(session, messageID: "m1"))
                return client
            }
            for client in clients {
                #expect(try client.head().status == 200)
                let events = try client.eventsToTheEnd()
                #expect(events.map(\.status) == ["reset", "complete"] && events.map(\.content) == [text, text])
            }
            #expect(try service.history(room).count == 1)
        }
    }
}
