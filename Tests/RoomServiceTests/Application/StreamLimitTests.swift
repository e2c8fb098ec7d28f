import Agents
import Primitives
import Testing

@testable import RoomService

/// What is held of a stream, and how long an answer may be.
struct StreamLimitTests {
    @Test func `an answer ends at the limit, between two characters, and says why`() async throws {
        let words = Array(repeating: "ääää ", count: 200)
        try await withService({ $0.maxAnswer = 1024 }, agent: ScriptedAgent(words: words)) { service in
            let (session, room) = try service.makeSession()
            let events = try service.ask(session).eventsToTheEnd()
            let end = try #require(events.last)
            let text = events.filter { $0.status == "streaming" }.compactMap(\.content).joined()
            #expect(end.status == "complete" && end.json["finish_reason"] == "length")
            #expect(text.utf8.count == 1023 && end.content == text, "one byte is left, and no half character")
            let stored = try #require(try service.history(room).first)
            #expect(stored["status"] == "completed" && stored["agent_response"] == .string(text))
            #expect(stored["metadata"]?.objectValue?["finish_reason"] == "length")
        }
    }

    @Test func `an answer that just fits has no such reason`() async throws {
        let agent = ScriptedAgent(words: Array(repeating: "0123456789abcdef", count: 64))
        try await withService({ $0.maxAnswer = 1024 }, agent: agent) { service in
            let (session, _) = try service.makeSession()
            let end = try #require(try service.ask(session).eventsToTheEnd().last)
            #expect(end.status == "complete" && end.json["finish_reason"] == nil)
            #expect(end.content?.utf8.count == 1024)
        }
    }

    @Test(arguments: [1, 2])
    func `who comes from a place that is no longer held gets the answer so far, and then the rest`(
        loops: Int
    ) async throws {
        try await withService({ $0.streamLog = 40_000 }, loops: loops) { service in
            let (session, _) = try service.makeSession()
            let asking = try service.ask(session, demo: #"{"rate":100,"tokens":1000}"#)
            let started = try #require(try asking.dataEvent())
            var first: [TestEvent] = []
            while first.count < 700 {
                await service.advance(by: .milliseconds(500))
                while first.count < 700, let event = try asking.dataEvent() {
                    first.append(event)
                    if first.count.isMultiple(of: 50) { break }
                }
            }
            let resuming = try service.watch("session_id=\(session)", lastEventID: first[3].id)
            let following = try service.watch("session_id=\(session)")
            for client in [resuming, following] {
                let reset = try #require(try client.dataEvent())
                #expect(reset.status == "reset" && reset.streamID == started.streamID)
                let known = try #require(reset.sequence)
                #expect(known >= 700)
                await service.advance(by: .seconds(1))
                var text = try #require(reset.content)
                var next = known
                while next < 800, let event = try client.dataEvent() {
                    next += 1
                    #expect(event.sequence == next, "no gap, and nothing twice")
                    text += event.content ?? ""
                }
                let shown = first.compactMap(\.content).joined()
                #expect(text.hasPrefix(shown))
            }
            // From a place that is held, event by event.
            let near = try service.watch("session_id=\(session)", lastEventID: first[690].id)
            #expect(try near.dataEvent()?.sequence == 692)
            #expect(service.application.tracker.metrics.resets.load(ordering: .relaxed) == 2)
            let metrics = try service.get("/metrics").text
            #expect(metrics.contains("roomservice_stream_resumes_total{result=\"reset\"} 1\n"))
            #expect(metrics.contains("roomservice_stream_resumes_total{result=\"continued\"} 1\n"))
        }
    }

    @Test func `all logs stay within their memory, and running ones are not dropped`() async throws {
        try await withService({ $0.streamMemory = 300_000 }, loops: 2) { service in
            let (ended, _) = try service.makeSession()
            let last = try #require(try service.ask(ended, demo: #"{"rate":0,"tokens":800}"#).eventsToTheEnd().first)
            let tracker = service.application.tracker
            #expect(tracker.memory.ended > 100_000)
            let (session, room) = try service.makeSession()
            let asking = try service.ask(session, demo: #"{"rate":1000,"tokens":6000}"#)
            for _ in 0..<40 { await service.advance(by: .milliseconds(100)) }
            #expect(await service.eventually { tracker.running.first.map { $0.log.eventCount > 3000 } ?? false })
            await service.advance(by: .seconds(1))
            #expect(tracker.memory.ended == 0, "the ended one goes first")
            #expect(tracker.memory.running < 500_000)
            // It is stored, so that who comes back is given it all the same.
            let back = try service.watch("session_id=\(ended)", lastEventID: last.id)
            #expect(try back.eventsToTheEnd().map(\.status) == ["reset", "complete"])
            let isDone = try await service.eventually {
                await service.advance(by: .milliseconds(500))
                return try service.history(room).first?["status"] == "completed"
            }
            #expect(isDone)
            _ = asking
        }
    }
}
