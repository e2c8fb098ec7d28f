import Agents
import Primitives
import Testing

@testable import RoomService

/// Answers in one piece, and the list of models.
struct CompletionTests {
    @Test func `an answer without a session comes in OpenAI's form, and nothing of it is stored`() async throws {
        let words = ScriptedAgent(words: ["Be", "cause ", "“so”."])
        try await withService(agent: words) { service in
            let response = try service.complete(service.completion())
            #expect(response.status == 200 && response["Content-Type"] == "application/json")
            let id = try #require(response.json["id"]?.stringValue)
            #expect(id.hasPrefix("chatcmpl-") && id.utf8.count == 31)
            let expected =
                #"{"id":"\#(id)","object":"chat.completion","created":1767225600,"model":"scripted","#
                + #""choices":[{"index":0,"message":{"role":"assistant","content":"Because “so”.","refusal":null},"#
                + #""logprobs":null,"finish_reason":"stop"}],"usage":null}"#
            #expect(response.text == expected)
            #expect(try await service.store.activeStreams().isEmpty)
            let all = try await service.store.conversations(.user("127.0.0.1", agentType: nil), page: .init(limit: 1))
            #expect(all.total == 0)
            #expect(service.runningCount == 0)
        }
    }

    @Test func `the agent gets the conversation, the instructions and the parameters`() async throws {
        let mouth = Mouth()
        mouth.close()
        try await withService(agent: PatientAgent(mouth: mouth)) { service in
            let messages = #"""
                [{"role":"system","content":"Be kind."},{"role":"user","content":"Hi"},{"role":"user","content":"there"},
                {"role":"assistant","content":[{"type":"text","text":"Hel"},{"type":"text","text":"lo"}]},
                {"role":"user","content":"And"},{"role":"developer","content":"Be short."},{"role":"user","content":"now?"}]
                """#
            let parameters = #""temperature":1.5,"max_completion_tokens":9,"stop":["a","b"],"seed":-1,"top_p":null"#
            let ignored = #""n":1,"tools":[],"logprobs":false,"store":true,"metadata":{"a":"b"},"audio":null"#
            let body = #"{"model":"patient","messages":\#(messages),"user":"x y","#
            #expect(try service.complete(body + parameters + "," + ignored + "}").status == 200)
            let prompt = try #require(mouth.prompts.first)
            #expect(prompt.question == "And\n\nnow?" && prompt.instructions == ["Be kind.", "Be short."])
            #expect(prompt.context == [AgentTurn(question: "Hi\n\nthere", answer: "Hello", agentType: "patient")])
            let expected: JSONObject = [
                "temperature": 1.5, "max_completion_tokens": 9, "stop": ["a", "b"], "seed": -1,
            ]
            #expect(prompt.parameters == expected)
            #expect(prompt.userID == "x y" && prompt.roomID == "" && !prompt.sessionID.isEmpty)
        }
    }

    @Test(
        arguments: [
            (
                ["prompt_tokens": 5, "completion_tokens": 2, "tokens_used": 7],
                #"{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}"#
            ),
            (
                ["prompt_tokens": 5, "completion_tokens": 2],
                #"{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}"#
            ),
            (["tokens_used": 7], #"{"prompt_tokens":0,"completion_tokens":7,"total_tokens":7}"#),
            (["model": "m"], "null"),
        ] as [(JSONObject, String)]
    )
    func `the usage is what the agent tells`(metadata: JSONObject, usage: String) async throws {
        let mouth = Mouth()
        mouth.close()
        try await withService(agent: PatientAgent(mouth: mouth, metadata: metadata)) { service in
            let response = try service.complete(service.completion())
            #expect(response.json["usage"].map { String(decoding: $0.encoded, as: UTF8.self) } == usage)
            let last = try service.stream(
                service.completion("Why?", #","stream":true,"stream_options":{"include_usage":true}"#)
            )
            let events = try last.allData()
            let end = #""choices":[],"usage":\#(usage)}"#
            #expect(events.contains { $0.text.hasSuffix(end) } == (usage != "null"))
            #expect(events.dropLast(usage == "null" ? 1 : 2).allSatisfy { $0.json["usage"] == .null })
        }
    }

    @Test func `an answer's end has its reason`() async throws {
        let mouth = Mouth()
        mouth.say("Hm")
        mouth.close()
        try await withService(agent: PatientAgent(mouth: mouth, metadata: ["finish_reason": "content_filter"])) {
            service in
            let filtered = try service.complete(service.completion())
            #expect(filtered.choice["finish_reason"] == "content_filter")
        }
        try await withService(
            { $0.maxAnswer = 1024 },
            agent: ScriptedAgent(words: [String(repeating: "a", count: 2000)])
        ) { service in
            let cut = try service.complete(service.completion())
            #expect(cut.choice["finish_reason"] == "length" && cut.message["content"]?.stringValue?.utf8.count == 1024)
        }
    }

    @Test(arguments: [
        (AgentError.Code.rateLimited, 429, "rate_limit_error", true),
        (.timeout, 504, "server_error", false),
        (.unavailable, 503, "server_error", true),
        (.rejected, 400, "invalid_request_error", false),
        (.protocolViolation, 502, "server_error", false),
    ])
    func `a failed answer has the status of its failure`(
        code: AgentError.Code,
        status: Int,
        type: String,
        isRetried: Bool
    ) async throws {
        let agent = ScriptedAgent(words: ["Half"], failure: AgentError(code, "It went wrong"))
        try await withService(agent: agent) { service in
            let response = try service.complete(service.completion())
            let code = code.rawValue.lowercased()
            #expect(response.status == status && (response["Retry-After"] != nil) == isRetried)
            let expected = #"{"error":{"message":"It went wrong","type":"\#(type)","param":null,"code":"\#(code)"}}"#
            #expect(response.text == expected)
            #expect(service.runningCount == 0)
        }
    }

    @Test func `the agents are the models`() async throws {
        try await withService { service in
            let model = { (id: String) in
                #"{"id":"\#(id)","object":"model","created":1767225600,"owned_by":"roomservice"}"#
            }
            let list = try service.get("/v1/models")
            #expect(list.text == #"{"object":"list","data":[\#(model("assistant")),\#(model("auto"))]}"#)
            for id in ["assistant", "auto"] { #expect(try service.get("/v1/models/\(id)").text == model(id)) }
            let missing = try service.get("/v1/models/gpt%2F5")
            #expect(missing.status == 404)
            let error =
                #"{"error":{"message":"The model 'gpt/5' does not exist","type":"invalid_request_error","#
                + #""param":"model","code":"model_not_found"}}"#
            #expect(missing.text == error)
            let asked = try service.complete(service.completion(model: "gpt/5"))
            #expect(asked.status == 404 && asked.text == error)
        }
    }
}
