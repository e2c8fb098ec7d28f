import Agents
import Primitives
import Testing

@testable import RoomService

struct FailureTests {
    private struct Unforeseen: Error {}

    private func events(_ service: TestService, _ session: String) throws -> [TestEvent] {
        let watching = try service.ask(session)
        var events: [TestEvent] = []
        while let event = try watching.dataEvent(), event.data != "[DONE]" { events.append(event) }
        return events
    }

    /// Moves the clock until the store has been asked that often.
    private func reached(_ attempts: Int, _ faults: EndFaults, _ service: TestService) async -> Bool {
        await service.eventually {
            await service.advance(by: .milliseconds(100))
            return faults.attempts >= attempts
        }
    }

    @Test func `an agent that fails ends the stream with its code, and its words so far are stored`() async throws {
        let failure = AgentError(.timeout, "The model took too long")
        try await withService(agent: ScriptedAgent(words: ["Well", ", "], failure: failure)) { service in
            let (session, room) = try service.makeSession()
            let events = try events(service, session)
            #expect(events.map(\.status) == ["started", "streaming", "streaming", "error"])
            #expect(events.last?.json["error_code"] == "AGENT_TIMEOUT")
            #expect(events.last?.json["error"] == "The model took too long")
            #expect(events.last?.content == "Well, ")
            let stored = try #require(try service.history(room).first)
            #expect(stored["status"] == "failed" && stored["agent_response"] == "Well, ")
            #expect(stored["metadata"]?.objectValue?["model"] == "script")
        }
    }

    @Test func `an unforeseen fault shows nothing of itself, and the next question is taken`() async throws {
        try await withService(agent: ScriptedAgent(words: [], failure: Unforeseen())) { service in
            let (session, _) = try service.makeSession()
            for _ in 0..<2 {
                let events = try events(service, session)
                #expect(events.map(\.status) == ["started", "error"])
                #expect(events.last?.json["error_code"] == "INTERNAL_ERROR")
                #expect(events.last?.json["error"] == "An internal error occurred")
            }
            #expect(service.log.lines.contains { $0.contains("Unforeseen") })
        }
    }

    @Test func `an end that cannot be stored at once is stored later, and shown only then`() async throws {
        let faults = EndFaults(2)
        try await withService(agent: ScriptedAgent(words: ["All", " well"]), ends: faults) { service in
            let (session, room) = try service.makeSession()
            let watching = try service.ask(session)
            for expected in ["started", "streaming", "streaming"] {
                #expect(try watching.dataEvent()?.status == expected)
            }
            #expect(await service.eventually { faults.attempts == 1 })
            #expect(try service.history(room).first?["status"] == "streaming")
            #expect(await reached(3, faults, service))
            #expect(try watching.dataEvent()?.status == "complete")
            #expect(try service.history(room).first?["status"] == "completed")
        }
    }

    @Test func `an answer whose end the store does not take waits for it, and is then complete`() async throws {
        let faults = EndFaults(.max)
        try await withService(agent: ScriptedAgent(words: ["Late"]), ends: faults) { service in
            let (session, room) = try service.makeSession()
            let watching = try service.ask(session)
            for expected in ["started", "streaming"] { #expect(try watching.dataEvent()?.status == expected) }
            #expect(await reached(40, faults, service))
            #expect(try service.history(room).first?["status"] == "streaming")
            let streams = try service.get("/api/health").json["checks"]?.objectValue?["streams"]?.objectValue
            #expect(streams?["active_count"] == 1 && streams?["waiting_for_store"] == 1)
            faults.end()
            await service.advance(by: .seconds(1))
            #expect(try watching.dataEvent()?.status == "complete", "and nothing in between")
            let stored = try #require(try service.history(room).first)
            #expect(stored["status"] == "completed" && stored["agent_response"] == "Late")
            #expect(service.log.lines.filter { $0.contains("answer not stored yet") }.count == 1)
        }
    }

    @Test func `an end that the store never takes is told as an error when the service ends`() async throws {
        let faults = EndFaults(.max)
        try await withService(agent: ScriptedAgent(words: ["Lost"]), ends: faults) { service in
            let (session, _) = try service.makeSession()
            let watching = try service.ask(session)
            for expected in ["started", "streaming"] { #expect(try watching.dataEvent()?.status == expected) }
            #expect(await reached(5, faults, service))
            let shutDown = service.beginShutDown()
            await service.settle()
            for _ in 0..<9 { await service.advance(by: .seconds(1)) }
            #expect(!shutDown.isDone)
            await service.advance(by: .seconds(1))
            let end = try #require(try watching.dataEvent())
            #expect(end.status == "error" && end.json["error_code"] == "UNAVAILABLE")
            #expect(service.log.lines.contains { $0.contains("The disk is full") })
        }
    }

    @Test func `answers pause when the store is away and they need more memory than there is`() async throws {
        let faults = EndFaults(.max)
        let demo = #"{"rate":100,"tokens":3000}"#
        try await withService({ $0.streamMemory = 100_000 }, ends: faults) { service in
            let (session, room) = try service.makeSession()
            let watching = try service.ask(session, demo: demo)
            #expect(try watching.dataEvent()?.status == "started")
            func isPaused() throws -> Bool {
                let checks = try service.get("/api/health").json["checks"]?.objectValue
                return checks?["streams"]?.objectValue?["paused"] == true
            }
            #expect(try !isPaused())
            let paused = try await service.eventually {
                await service.advance(by: .milliseconds(500))
                return try isPaused()
            }
            #expect(paused)
            let stream = try #require(service.application.tracker.running.first)
            await service.advance(by: .seconds(2))
            let count = stream.log.eventCount
            #expect(count < 1500)
            for _ in 0..<5 { await service.advance(by: .seconds(1)) }
            #expect(stream.log.eventCount == count)
            faults.end()
            let isComplete = try await service.eventually {
                await service.advance(by: .seconds(1))
                return try service.history(room).first?["status"] == "completed"
            }
            #expect(isComplete)
            #expect(try !isPaused())
            let texts = try watching.eventsToTheEnd().filter { $0.status == "streaming" }
            #expect(texts.count == 3000)
        }
    }

    @Test func `an answer that another instance has ended ends as it was stored`() async throws {
        try await withService { service in
            let (session, room) = try service.makeSession()
            let watching = try service.ask(session, demo: #"{"rate":1,"tokens":3}"#)
            #expect(try watching.dataEvent()?.status == "started")
            let now = service.time.now
            #expect(try await service.store.interruptOrphans(notOf: "another", staleBefore: nil, at: now) == 1)
            for _ in 0..<4 { await service.advance(by: .seconds(1)) }
            #expect(try watching.eventsToTheEnd().last?.status == "interrupted")
            #expect(try service.history(room).first?["status"] == "interrupted")
        }
    }

    @Test func `a question whose acknowledgement is lost can be asked again`() async throws {
        let faults = EndFaults(0)
        try await withService(ends: faults) { service in
            let (session, room) = try service.makeSession()
            faults.losesNextBeginning.store(true, ordering: .relaxed)
            let question = service.question(session, messageID: "m1")
            #expect(try service.post("/api/chat/message", question).status == 503)
            // Until it is taken back it is not known how it stands.
            let early = try service.post("/api/chat/message", question)
            #expect(early.status == 503 && early["Retry-After"] != nil)
            let isTakenBack = try await service.eventually {
                await service.advance(by: .seconds(1))
                return try service.history(room).isEmpty
            }
            #expect(isTakenBack)
            let events = try service.ask(session, messageID: "m1").eventsToTheEnd()
            #expect(events.last?.status == "complete")
            #expect(try service.history(room).map { $0["status"] } == ["completed"])
        }
    }
}
