import Primitives
import Testing

@testable import RoomService

/// Requests of OpenAI's clients that are refused, each in OpenAI's form.
struct CompletionFaultTests {
    @Test func `each fault names its parameter`() async throws {
        let faults: [(body: String, parameter: JSONValue, code: JSONValue)] = [
            ("[]", .null, "invalid_type"),
            (#"{"messages":[{"role":"user","content":"a"}]}"#, "model", "missing_required_parameter"),
            (#"{"model":"auto"}"#, "messages", "missing_required_parameter"),
            (#"{"model":"auto","messages":"a"}"#, "messages", "invalid_type"),
            (#"{"model":"auto","messages":[]}"#, "messages", "invalid_value"),
            (#"{"model":"auto","messages":["a"]}"#, "messages[0]", "invalid_type"),
            (#"{"model":"auto","messages":[{"content":"a"}]}"#, "messages[0].role", "missing_required_parameter"),
            (
                #"{"model":"auto","messages":[{"role":"tool","content":"a"}]}"#, "messages[0].role",
                "unsupported_value"
            ),
            (#"{"model":"auto","messages":[{"role":"user"}]}"#, "messages[0].content", "missing_required_parameter"),
            (#"{"model":"auto","messages":[{"role":"user","content":null}]}"#, "messages[0].content", "invalid_type"),
            (#"{"model":"auto","messages":[{"role":"user","content":" "}]}"#, "messages[0].content", "invalid_value"),
            (
                #"{"model":"auto","messages":[{"role":"user","content":"a"},{"role":"assistant"}]}"#, "messages",
                "invalid_value"
            ),
            (
                #"{"model":"auto","messages":[{"role":"user","content":[{"type":"text","text":"a"},"#
                    + #"{"type":"image_url","image_url":{"url":"b"}}]}]}"#,
                "messages[0].content[1].type", "unsupported_value"
            ),
            (
                #"{"model":"auto","messages":[{"role":"user","content":[{"type":"text"}]}]}"#,
                "messages[0].content[0].text", "invalid_type"
            ),
            (
                #"{"model":"auto","messages":[{"role":"assistant","tool_calls":[{}]},{"role":"user","content":"a"}]}"#,
                "messages[0].tool_calls", "unsupported_parameter"
            ),
        ]
        try await withService { service in
            for (body, parameter, code) in faults {
                let response = try service.complete(body)
                #expect(response.status == 400, "\(body)")
                #expect(response.openAIError["param"] == parameter && response.openAIError["code"] == code, "\(body)")
                #expect(response.openAIError["type"] == "invalid_request_error")
                #expect(response.json.count == 1 && response.openAIError.count == 4)
            }
        }
    }

    @Test(arguments: [
        (#""stream":1"#, "stream", "invalid_type"),
        (#""stream_options":true"#, "stream_options", "invalid_type"),
        (#""stream_options":{"include_usage":1}"#, "stream_options.include_usage", "invalid_type"),
        (#""user":7"#, "user", "invalid_type"),
        (#""metadata":[]"#, "metadata", "invalid_type"),
        (#""metadata":{"session_id":7},"user":"a""#, "metadata.session_id", "invalid_type"),
        (#""temperature":2.1"#, "temperature", "invalid_value"),
        (#""temperature":"warm""#, "temperature", "invalid_type"),
        (#""top_p":-1"#, "top_p", "invalid_value"),
        (#""presence_penalty":3"#, "presence_penalty", "invalid_value"),
        (#""frequency_penalty":-3"#, "frequency_penalty", "invalid_value"),
        (#""max_tokens":0"#, "max_tokens", "invalid_value"),
        (#""max_completion_tokens":1.5"#, "max_completion_tokens", "invalid_value"),
        (#""seed":"x""#, "seed", "invalid_type"),
        (#""stop":[1]"#, "stop", "invalid_type"),
        (#""stop":["a","b","c","d","e"]"#, "stop", "invalid_value"),
        (#""response_format":"json""#, "response_format", "invalid_type"),
        (#""response_format":{"type":"xml"}"#, "response_format.type", "invalid_value"),
        (#""n":2"#, "n", "unsupported_parameter"),
        (#""tools":[{"type":"function"}]"#, "tools", "unsupported_parameter"),
        (#""functions":[{"name":"f"}]"#, "functions", "unsupported_parameter"),
        (#""audio":{"voice":"a"}"#, "audio", "unsupported_parameter"),
        (#""logprobs":true"#, "logprobs", "unsupported_parameter"),
    ])
    func `what cannot be done is refused`(member: String, parameter: String, code: String) async throws {
        try await withService { service in
            let response = try service.complete(service.completion("Why?", "," + member))
            #expect(response.status == 400)
            #expect(response.openAIError["param"] == .string(parameter))
            #expect(response.openAIError["code"] == .string(code))
            #expect(service.runningCount == 0)
        }
    }

    @Test func `every error of these paths has OpenAI's form`() async throws {
        try await withService({ $0.maxBody = 1024 }) { service in
            let body = { (message: String, type: String, code: String) in
                #"{"error":{"message":"\#(message)","type":"\#(type)","param":null,"code":"\#(code)"}}"#
            }
            let invalid = "invalid_request_error"
            let json = try service.complete("{")
            #expect(
                json.status == 400 && json.openAIError["code"] == "bad_request"
                    && json.openAIError["type"] == .string(invalid)
            )
            for path in ["/v1", "/v1/", "/v1/embeddings"] {
                let missing = try service.get(path)
                #expect(missing.status == 404 && missing.text == body("Not Found", invalid, "not_found"))
            }
            // Another path is not one of these.
            #expect(try service.get("/v12").code == "NOT_FOUND")
            let method = try service.get("/v1/chat/completions")
            #expect(method.status == 405 && method["Allow"] == "POST, OPTIONS")
            #expect(method.text == body("Method Not Allowed", invalid, "method_not_allowed"))
            let type = try service.request(
                "POST",
                "/v1/chat/completions",
                service.completion(),
                headers: [("Content-Type", "text/plain")]
            )
            #expect(type.status == 415 && type.openAIError["code"] == "unsupported_media_type")
            let large = try service.complete(service.completion(String(repeating: "a", count: 1024)))
            #expect(large.status == 413)
            #expect(large.text == body("The body is longer than 1024 bytes", invalid, "content_too_large"))
        }
    }

    @Test func `rates are held by user, or else by address`() async throws {
        let limits = RateLimits(messages: .init(count: 1, period: .seconds(60)), writes: nil, reads: nil)
        try await withService({
            $0.rateLimits = limits; $0.demoRate = 0
        }) { service in
            for members in ["", #","user":"ada""#] {
                #expect(try service.complete(service.completion("Why?", members)).status == 200)
                let refused = try service.complete(service.completion("Why?", members + #","stream":true"#))
                #expect(refused.status == 429 && refused["Retry-After"] == "60")
                #expect(refused.openAIError["type"] == "rate_limit_error")
                #expect(refused.openAIError["code"] == "rate_limit_exceeded")
            }
            #expect(service.runningCount == 0)
            // It is the same user as everywhere.
            let (session, _) = try service.makeSession()
            #expect(try service.post("/api/chat/message", service.question(session)).status == 429)
        }
    }

    @Test func `reads of an event source are no exception`() async throws {
        let limits = RateLimits(messages: nil, writes: nil, reads: .init(count: 1, period: .seconds(60)))
        try await withService({ $0.rateLimits = limits }) { service in
            #expect(try service.get("/v1/models").status == 200)
            let accept = [("Accept", "text/event-stream")]
            let refused = try service.request("GET", "/v1/models", headers: accept)
            #expect(refused.status == 429 && refused.openAIError["code"] == "rate_limit_exceeded")
        }
    }
}
