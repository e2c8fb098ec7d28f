import Agents
import Primitives
import Testing

@testable import RoomService

/// Answers in chunks.
struct CompletionStreamTests {
    private let streamed = #","stream":true"#

    @Test func `the chunks are OpenAI's, from the role to the last word`() async throws {
        let mouth = Mouth()
        try await withService(agent: PatientAgent(mouth: mouth)) { service in
            let client = try service.stream(service.completion("Why?", streamed))
            let first = try #require(try client.event())
            let id = try #require(first.json["id"]?.stringValue)
            let chunk = { (choice: String) in
                #"data: {"id":"\#(id)","object":"chat.completion.chunk","created":1767225600,"model":"patient","#
                    + #""choices":[{"index":0,"delta":\#(choice)}]}"#
            }
            let role = #"{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null"#
            #expect(first.text == chunk(role))
            mouth.say("So ")
            #expect(try client.event()?.text == chunk(#"{"content":"So "},"logprobs":null,"finish_reason":null"#))
            mouth.say("“it”\\n\n\t")
            let escaped = #"{"content":"“it”\\n\n\t"},"logprobs":null,"finish_reason":null"#
            #expect(try client.event()?.text == chunk(escaped))
            mouth.close()
            #expect(try client.event()?.text == chunk(#"{},"logprobs":null,"finish_reason":"stop""#))
            #expect(try client.event()?.text == "data: [DONE]")
            #expect(try client.event() == nil)
            // The connection goes on.
            try client.sendRequest("GET", "/healthz")
            #expect(try client.response().status == 200)
        }
    }

    @Test(arguments: [1, 2])
    func `what is said adds up to the answer, however fast it comes`(loops: Int) async throws {
        try await withService(
            {
                $0.demoRate = 0; $0.demoTokens = 50_000
            },
            loops: loops
        ) { service in
            let events = try service.stream(service.completion("What is this?", streamed)).allData()
            let whole = try service.complete(service.completion("What is this?"))
            #expect(events.compactMap(\.delta).joined() == whole.message["content"]?.stringValue)
            #expect(events.count < 5000, "what was made together comes together")
            #expect(await service.eventually { service.runningCount == 0 })
        }
    }

    @Test func `a silent stream is kept alive by comments`() async throws {
        let mouth = Mouth()
        try await withService(agent: PatientAgent(mouth: mouth)) { service in
            let client = try service.stream(service.completion("Why?", streamed))
            _ = try client.event()
            await service.advance(by: .seconds(15))
            #expect(try client.event()?.isComment == true)
            mouth.say("So")
            #expect(try client.event()?.delta == "So")
            mouth.close()
            #expect(try client.allData().last?.data == "[DONE]")
        }
    }

    @Test func `a failed answer ends with its error`() async throws {
        let agent = ScriptedAgent(words: ["Half"], failure: AgentError(.timeout, "It said nothing for too long"))
        try await withService(agent: agent) { service in
            let events = try service.stream(service.completion("Why?", streamed)).allData()
            #expect(events.compactMap(\.delta).joined() == "Half")
            let expected =
                #"data: {"error":{"message":"It said nothing for too long","type":"server_error","#
                + #""param":null,"code":"agent_timeout"}}"#
            #expect(events.last?.text == expected)
            #expect(events.count { $0.data == "[DONE]" } == 0)
        }
    }

    @Test(arguments: [1, 2])
    func `a client that leaves ends its stateless answer`(loops: Int) async throws {
        let mouth = Mouth()
        try await withService(loops: loops, agent: PatientAgent(mouth: mouth)) { service in
            var client: TestConnection? = try service.stream(service.completion("Why?", streamed))
            _ = try client?.event()
            mouth.say("So")
            #expect(try client?.event()?.delta == "So")
            #expect(service.runningCount == 1)
            client = nil
            #expect(await service.eventually { service.runningCount == 0 })
            let metrics = service.application.tracker.metrics
            #expect(metrics.ended(.cancelled) == 1 && metrics.subscribers.load(ordering: .relaxed) == 0)
        }
    }

    @Test func `as many answers run as may, and they count like all others`() async throws {
        let mouth = Mouth()
        try await withService(
            {
                $0.maxStreams = 4; $0.maxStreamsPerUser = 1
            },
            agent: PatientAgent(mouth: mouth)
        ) { service in
            let clients = try (0..<2).map { _ in try service.stream(service.completion("Why?", streamed)) }
            let metrics = try service.get("/metrics").text
            #expect(metrics.contains("streams_running 2\n") && metrics.contains("stream_readers 2\n"))
            // Who names no user may serve many.
            let others = try (0..<2).map {
                try service.stream(service.completion("Why?", #","user":"bob\#($0)""# + streamed))
            }
            let second = try service.complete(service.completion("Why?", #","user":"bob0""#))
            #expect(second.status == 429 && second["Retry-After"] == "1")
            #expect(
                second.openAIError["code"] == "stream_limit_exceeded"
                    && second.openAIError["type"] == "rate_limit_error"
            )
            let full = try service.complete(service.completion("Why?", #","user":"eve""#))
            #expect(full.status == 503 && full["Retry-After"] == "2" && full.openAIError["code"] == "overloaded")
            mouth.close()
            for client in clients + others { #expect(try client.allData().last?.data == "[DONE]") }
        }
    }

    @Test func `shutting down interrupts what does not end in time`() async throws {
        let mouth = Mouth()
        try await withService({ $0.drain = .seconds(5) }, agent: PatientAgent(mouth: mouth)) { service in
            let streaming = try service.stream(service.completion("Why?", streamed))
            let waiting = try service.connect()
            try waiting.sendRequest("POST", "/v1/chat/completions", service.completion())
            #expect(await service.eventually { mouth.prompts.count == 2 })
            mouth.say("So")
            mouth.say("So")
            let late = try service.connect()
            let shutDown = service.beginShutDown()
            await service.settle()
            #expect(!shutDown.isDone)
            try late.sendRequest("POST", "/v1/chat/completions", service.completion())
            // An idle connection is closed, or the request on it is refused.
            if let refused = try? late.response() {
                #expect(refused.status == 503 && refused.openAIError["code"] == "shutting_down")
            }
            await service.advance(by: .seconds(5))
            #expect(try streaming.allData().last?.openAIError["code"] == "interrupted")
            let interrupted = try waiting.response()
            #expect(interrupted.status == 503 && interrupted["Retry-After"] == "2")
            #expect(interrupted.openAIError["code"] == "interrupted")
        }
    }

    @Test func `a store that is away does not touch stateless answers`() async throws {
        let ends = EndFaults(.max)
        let mouth = Mouth()
        try await withService(agent: PatientAgent(mouth: mouth), ends: ends) { service in
            let client = try service.stream(service.completion("Why?", streamed))
            _ = try client.event()
            for _ in 0..<5 {
                mouth.say("So")
                #expect(try client.event()?.delta == "So")
                await service.advance(by: .seconds(1))
            }
            mouth.close()
            #expect(try client.allData().last?.data == "[DONE]")
            #expect(ends.attempts == 0 && service.log.lines.isEmpty)
        }
    }
}
