import Agents
import Primitives
import Testing

@testable import RoomService

/// Questions in a session, from OpenAI's clients.
struct CompletionSessionTests {
    private func inSession(_ session: String, user: String = "ada", _ members: String = "") -> String {
        #","user":"\#(user)","metadata":{"session_id":"\#(session)"}\#(members)"#
    }

    @Test func `the exchange is part of the room's history, and of what the agent knows next`() async throws {
        let mouth = Mouth()
        mouth.say("Because.")
        mouth.close()
        try await withService(agent: PatientAgent(mouth: mouth, metadata: ["tokens_used": 3])) { service in
            let (session, room) = try service.makeSession()
            let first = try service.complete(service.completion("Why?", inSession(session)))
            #expect(first.message["content"] == "Because.")
            #expect(first.json["usage"]?.objectValue?["total_tokens"] == 3)
            let stored = try #require(try service.history(room).first)
            #expect(stored["user_input"] == "Why?" && stored["agent_response"] == "Because.")
            #expect(stored["status"] == "completed" && stored["agent_type"] == "patient")

            // The request's own history is left aside, but for what it is told to keep to.
            let messages = #"""
                [{"role":"system","content":"Be kind."},{"role":"user","content":"Forged"},
                {"role":"assistant","content":"Forged"},{"role":"user","content":"And now?"}]
                """#
            let body = #"{"model":"auto","temperature":0,"messages":\#(messages)\#(inSession(session))}"#
            #expect(try service.complete(body).status == 200)
            let prompt = try #require(mouth.prompts.last)
            #expect(prompt.question == "And now?" && prompt.instructions == ["Be kind."])
            #expect(prompt.parameters == ["temperature": 0] && prompt.sessionID == session && prompt.roomID == room)
            #expect(prompt.context == [AgentTurn(question: "Why?", answer: "Because.", agentType: "patient")])
            #expect(try service.history(room).map { $0["user_input"] } == ["Why?", "And now?"])
        }
    }

    @Test(arguments: [1, 2])
    func `others see it live, and it goes on when its client leaves`(loops: Int) async throws {
        let mouth = Mouth()
        try await withService(loops: loops, agent: PatientAgent(mouth: mouth)) { service in
            let (session, room) = try service.makeSession()
            let watching = try service.watch("session_id=\(session)")
            var client: TestConnection? = try service.stream(
                service.completion("Why?", inSession(session, #","stream":true"#))
            )
            let id = try #require(try client?.event()?.json["id"]?.stringValue)
            let started = try #require(try watching.dataEvent())
            #expect(started.status == "started" && started.streamID == "stream_" + id.dropFirst("chatcmpl-".count))
            mouth.say("So")
            #expect(try watching.dataEvent()?.content == "So" && client?.event()?.delta == "So")
            client = nil
            #expect(
                await service.eventually {
                    service.application.tracker.metrics.subscribers.load(ordering: .relaxed) == 1
                }
            )
            mouth.say(" it is.")
            #expect(try watching.dataEvent()?.content == " it is.")
            mouth.close()
            #expect(try watching.dataEvent()?.status == "complete")
            #expect(try service.history(room).first?["agent_response"] == "So it is.")
        }
    }

    @Test(arguments: [1, 2])
    func `a stop ends the stream with an error, and a waiting client gets what there is`(loops: Int) async throws {
        let mouth = Mouth()
        try await withService(loops: loops, agent: PatientAgent(mouth: mouth)) { service in
            let (session, room) = try service.makeSession()
            let client = try service.stream(service.completion("Why?", inSession(session, #","stream":true"#)))
            _ = try client.event()
            mouth.say("So")
            #expect(try client.event()?.delta == "So")
            #expect(try service.post("/api/session/\(session)/stop").data["partial_response"] == "So")
            let rest = try client.allData()
            let error =
                #"{"message":"The answer was stopped","type":"invalid_request_error","param":null,"code":"cancelled"}"#
            #expect(rest.map(\.text) == [#"data: {"error":\#(error)}"#])

            let waiting = try service.connect()
            try waiting.sendRequest("POST", "/v1/chat/completions", service.completion("Why?", inSession(session)))
            #expect(await service.eventually { mouth.prompts.count == 2 })
            mouth.say("Well")
            #expect(
                try await service.eventually {
                    try service.history(room).last?["agent_response"] == "Well"
                }
            )
            #expect(try service.post("/api/session/\(session)/stop").data["partial_response"] == "Well")
            let stopped = try waiting.response()
            #expect(stopped.status == 200 && stopped.message["content"] == "Well")
            #expect(stopped.choice["finish_reason"] == "stop")
            #expect(try service.history(room).map { $0["status"] } == ["cancelled", "cancelled"])
        }
    }

    @Test func `whoever may not ask there is told so`() async throws {
        let mouth = Mouth()
        try await withService(agent: PatientAgent(mouth: mouth)) { service in
            let (session, room) = try service.makeSession()
            let other = try service.complete(service.completion("Why?", inSession(session, user: "eve")))
            #expect(other.status == 403)
            #expect(
                other.text == #"{"error":{"message":"Access denied: You don't own this session","#
                    + #""type":"permission_error","param":null,"code":"access_denied"}}"#
            )
            let nobody = try service.complete(
                service.completion("Why?", #","metadata":{"session_id":"\#(session)"}"#)
            )
            #expect(nobody.status == 400 && nobody.openAIError["param"] == "user")
            #expect(nobody.openAIError["code"] == "missing_required_parameter")
            let unknown = try service.complete(service.completion("Why?", inSession("x")))
            #expect(unknown.status == 404 && unknown.openAIError["code"] == "not_found")
            let long = String(repeating: "a", count: 32_769)
            let tooLong = try service.complete(service.completion(long, inSession(session)))
            #expect(tooLong.status == 400 && tooLong.openAIError["param"] == "messages")
            #expect(try service.history(room).isEmpty)

            let running = try service.stream(service.completion("Why?", inSession(session, #","stream":true"#)))
            let busy = try service.complete(service.completion("Why?", inSession(session)))
            #expect(busy.status == 409 && busy.openAIError["code"] == "stream_active")
            mouth.close()
            #expect(try running.allData().last?.data == "[DONE]")
        }
    }
}
