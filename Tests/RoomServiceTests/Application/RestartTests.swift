import HTTPServer
import Primitives
import Storage
import Testing

@testable import RoomService

/// What is kept when the service ends, in good order or not.
struct RestartTests {
    private let slow = #"{"rate":0.1,"tokens":100}"#

    @Test func `about a second of a running answer is all that a crash can cost`() async throws {
        try await withTemporaryDirectory { directory in
            let time = ManualTimeSource()
            let first = try await TestService(directory: directory, loops: 1, time: time, settings: testSettings())
            let (session, room) = try first.makeSession()
            let stream = try first.ask(session, demo: slow, messageID: "m1")
            #expect(try stream.dataEvent()?.status == "started")
            let token = try #require(try stream.dataEvent())
            let text = try #require(token.content)
            let running = try #require(first.application.tracker.running(sessionID: session))
            #expect(running.stored.byteCount.load(ordering: .relaxed) == 0)
            await first.advance(by: .seconds(1))
            #expect(await first.eventually { running.stored.byteCount.load(ordering: .relaxed) == text.utf8.count })

            // To lose its store is, for what is stored, the same as to be killed.
            await first.store.close()
            let second = try await TestService(directory: directory, loops: 1, time: time, settings: testSettings())
            let found = try #require(try second.history(room).first)
            #expect(found["status"] == "interrupted" && found["agent_response"] == .string(text))
            #expect(try await second.store.activeStreams().isEmpty)
            #expect(second.log.lines.contains { $0.contains("answers of a former run marked interrupted") })

            // The session goes on. A client that reconnects is told how its stream ended, and not answered twice.
            let events = try second.watch("session_id=\(session)", lastEventID: token.id).eventsToTheEnd()
            #expect(events.map(\.status) == ["reset", "interrupted"])
            #expect(events.map(\.content) == [text, text])
            let again = try second.ask(session, messageID: "m1").eventsToTheEnd()
            #expect(again.map(\.status) == ["reset", "interrupted"])
            _ = try second.ask(session).eventsToTheEnd()
            #expect(try second.history(room).map { $0["status"] } == ["interrupted", "completed"])
            await second.end()
            await first.end()
        }
    }

    @Test func `an answer that runs for a minute is stored as a whole, and its end is found after a crash`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            let time = ManualTimeSource()
            let first = try await TestService(directory: directory, loops: 1, time: time, settings: testSettings())
            let (session, room) = try first.makeSession()
            let stream = try first.ask(session, demo: #"{"rate":0.5,"tokens":1000}"#)
            #expect(try stream.dataEvent()?.status == "started")
            let running = try #require(first.application.tracker.running(sessionID: session))
            func stored() -> Int { running.stored.byteCount.load(ordering: .relaxed) }
            for _ in 0..<60 { await first.advance(by: .seconds(1)) }
            var whole = ""
            let isWhole = try await first.eventually {
                await first.advance(by: .seconds(1))
                whole = try await first.store.conversation(streamID: running.id)?.agentResponse ?? ""
                return !whole.isEmpty
            }
            #expect(isWhole && running.log.answer.hasPrefix(whole))
            let hasMore = await first.eventually {
                await first.advance(by: .seconds(1))
                return stored() > whole.utf8.count
            }
            #expect(hasMore)
            let least = stored()
            let answer = running.log.answer
            await first.store.close()
            let second = try await TestService(directory: directory, loops: 1, time: time, settings: testSettings())
            let found = try #require(try second.history(room).first?["agent_response"]?.stringValue)
            #expect(found.utf8.count >= least && answer.hasPrefix(found))
            await second.end()
            await first.end()
        }
    }

    @Test func `a running answer is shown in histories and lists as far as it has got, stored or not`() async throws {
        try await withService { service in
            let (session, room) = try service.makeSession()
            let stream = try service.ask(session, demo: slow)
            #expect(try stream.dataEvent()?.status == "started")
            let text = try #require(try stream.dataEvent()?.content)
            let shown = JSONValue.string(text)
            let lists = [
                try service.get("/api/rooms/\(room)/history").data,
                try service.get("/api/chat/rooms/\(room)/history").json,
                try service.get("/api/chat/history?user_id=ada").json,
            ]
            for list in lists {
                let conversations = list["conversations"]?.arrayValue?.map(\.objectValue)
                #expect(conversations?.map { $0?["agent_response"] } == [shown])
                #expect(conversations?.map { $0?["status"] } == ["streaming"])
            }
            for rooms in [
                try service.get("/api/rooms?user_id=ada").data, try service.get("/api/chat/rooms?user_id=ada").json,
            ] {
                let room = rooms["rooms"]?.arrayValue?.first?.objectValue
                #expect(room?["last_message"]?.objectValue?["agent_response"] == shown)
            }
        }
    }

    @Test(arguments: [1, 2])
    func `at shutdown short answers are finished, and long ones interrupted with their text`(loops: Int) async throws {
        try await withTemporaryDirectory { directory in
            let time = ManualTimeSource()
            let service = try await TestService(
                directory: directory,
                loops: loops,
                time: time,
                settings: testSettings()
            )
            let (short, shortRoom) = try service.makeSession()
            let (long, longRoom) = try service.makeSession()
            let idle = try service.connect()
            try idle.sendRequest("GET", "/healthz")
            #expect(try idle.response().status == 200)
            let streams = [(short, 3), (long, 100)]
            var clients = try streams.map { session, tokens in
                try service.ask(session, demo: #"{"rate":1,"tokens":\#(tokens)}"#)
            }
            for client in clients {
                #expect(try client.dataEvent()?.status == "started")
                #expect(try client.dataEvent()?.sequence == 1)
            }
            let shutDown = service.beginShutDown()
            await service.settle()
            #expect(try idle.isClosed())
            #expect(throws: TestConnection.Failure.self) { try service.get("/healthz") }

            for _ in 0..<9 { await service.advance(by: .seconds(1)) }
            #expect(try clients[0].eventsToTheEnd().last?.status == "complete")
            #expect(!shutDown.isDone)
            await service.advance(by: .seconds(1))
            let terminal = try #require(try clients[1].eventsToTheEnd().last)
            #expect(terminal.status == "interrupted")
            #expect(terminal.content?.split(separator: " ").count == terminal.sequence.map { $0 - 1 })
            for client in clients {
                #expect(try client.dataEvent()?.data == "[DONE]")
                #expect(try client.dataEvent() == nil)
            }
            // Clients that have read the end and leave are not waited for.
            clients = []
            #expect(await service.eventually { shutDown.isDone })
            service.group.stop()

            let store = try await SQLiteStore.open(directory: directory, time: time)
            let page = PageRequest(limit: 10)
            let finished = try await store.conversations(.room(shortRoom), page: page).elements
            #expect(finished.map(\.status) == [.completed])
            let interrupted = try await store.conversations(.room(longRoom), page: page).elements
            #expect(interrupted.map(\.status) == [.interrupted])
            #expect(interrupted.map(\.agentResponse) == [terminal.content])
            #expect(try await store.activeStreams().isEmpty)
            await store.close()
        }
    }

    @Test func `a question that comes during shutdown is refused, and the connection ends`() async throws {
        try await withService { service in
            let (session, _) = try service.makeSession()
            let stream = try service.ask(session, demo: slow)
            let (other, _) = try service.makeSession(user: "bob")
            let body = service.question(other)
            let late = try service.connect()
            try late.send("POST /api/chat/message HTTP/1.1\r\nHost: t\r\nX-Request-ID: test.1\r\n")
            try late.send("Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n")
            await service.settle()
            let shutDown = service.beginShutDown()
            await service.settle()
            try late.send(body)
            let response = try late.response()
            #expect(response.status == 503 && response["Retry-After"] == "2" && response["Connection"] == "close")
            let reason = "The service is shutting down. Please try again."
            #expect(
                response.text == #"{"success":false,"error":"\#(reason)","error_code":"SHUTTING_DOWN","#
                    + #""path":"/api/chat/message","timestamp":"2026-01-01T00:00:00.000Z","request_id":"test.1","#
                    + #""detail":"\#(reason)"}"#
            )
            #expect(!shutDown.isDone)
            withExtendedLifetime(stream) {}
        }
    }

    @Test func `without clients and streams the service ends without waiting`() async throws {
        try await withTemporaryDirectory { directory in
            let service = try await TestService(
                directory: directory,
                loops: 2,
                time: ManualTimeSource(),
                settings: testSettings()
            )
            let shutDown = service.beginShutDown()
            #expect(await service.eventually { shutDown.isDone })
            service.group.stop()
        }
    }

    @Test func `a start that fails leaves the store usable`() async throws {
        try await withService { service in
            try await withTemporaryDirectory { directory in
                let time = ManualTimeSource()
                let settings = testSettings { $0.port = Int(service.port) }
                await #expect(throws: SystemError.self) {
                    _ = try await TestService(directory: directory, loops: 2, time: time, settings: settings)
                }
                let again = testSettings()
                let other = try await TestService(directory: directory, loops: 2, time: time, settings: again)
                #expect(try other.get("/readyz").status == 200)
                await other.end()
            }
        }
    }
}
