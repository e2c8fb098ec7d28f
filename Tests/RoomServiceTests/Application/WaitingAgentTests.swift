import Primitives
import Testing

@testable import RoomService

/// Agents that have to wait for something that is no clock, as a model that answers over the network.
struct WaitingAgentTests {
    @Test(arguments: [1, 2])
    func `each piece goes out when the agent says that it is there, from whatever thread`(loops: Int) async throws {
        let mouth = Mouth()
        try await withService(loops: loops, agent: PatientAgent(mouth: mouth)) { service in
            let (session, room) = try service.makeSession()
            let watching = try service.ask(session)
            #expect(try watching.dataEvent()?.status == "started")
            for word in ["Well", ", ", "then"] {
                mouth.say(word, times: 3)
                #expect(try watching.dataEvent()?.content == word)
            }
            mouth.say("!")
            mouth.close()
            #expect(try watching.eventsToTheEnd().map(\.content) == ["!", "Well, then!"])
            #expect(try service.history(room).first?["agent_response"] == "Well, then!")
            // Told too often, and too late.
            mouth.say("more", times: 10)
            #expect(try service.history(room).count == 1)
        }
    }

    @Test(arguments: [1, 2])
    func `a stop ends an answer that waits, at once`(loops: Int) async throws {
        let mouth = Mouth()
        try await withService(loops: loops, agent: PatientAgent(mouth: mouth)) { service in
            for _ in 0..<20 {
                let (session, _) = try service.makeSession()
                let watching = try service.ask(session)
                #expect(try watching.dataEvent()?.status == "started")
                mouth.say("Hm")
                #expect(try watching.dataEvent()?.content == "Hm")
                #expect(try service.post("/api/session/\(session)/stop").data["partial_response"] == "Hm")
                #expect(try watching.eventsToTheEnd().last?.status == "cancelled")
            }
        }
    }
}
