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

    @Test func `an end that was given up is stored as failed, once the store takes it again`() async throws {
        let faults = EndFaults(6)
        try await withService(agent: ScriptedAgent(words: ["Late"]), ends: faults) { service in
            let (session, room) = try service.makeSession()
            let watching = try service.ask(session)
            #expect(await reached(5, faults, service))
            #expect(try watching.eventsToTheEnd().map(\.status) == ["started", "streaming", "error"])
            #expect(await reached(7, faults, service))
            func stored() throws -> JSONObject? { try service.history(room).first }
            #expect(try await service.eventually { try stored()?["status"] == "failed" })
            #expect(try stored()?["agent_response"] == "Late")
        }
    }

    @Test func `an end that the store never takes is told as an error, not as complete`() async throws {
        let faults = EndFaults(.max)
        try await withService(agent: ScriptedAgent(words: ["Lost"]), ends: faults) { service in
            let (session, _) = try service.makeSession()
            let watching = try service.ask(session)
            for expected in ["started", "streaming"] { #expect(try watching.dataEvent()?.status == expected) }
            #expect(await reached(5, faults, service))
            let end = try #require(try watching.dataEvent())
            #expect(end.status == "error" && end.json["error_code"] == "UNAVAILABLE")
            #expect(service.log.lines.contains { $0.contains("The disk is full") })
        }
    }
}
