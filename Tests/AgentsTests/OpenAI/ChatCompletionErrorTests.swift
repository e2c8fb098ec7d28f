import Primitives
import Testing

@testable import Agents

struct ChatCompletionErrorTests {
    typealias Kind = ChatCompletionError.Kind

    private func error(_ json: String) -> ChatCompletionError? { ChatCompletionError(body: Array(json.utf8)) }

    @Test(
        arguments: [
            // OpenAI
            (
                #"{"error":{"message":"M","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#, .rateLimit
            ),
            (#"{"error":{"message":"M","type":"insufficient_quota","code":"insufficient_quota"}}"#, .rateLimit),
            (#"{"error":{"message":"M","type":"invalid_request_error","code":"invalid_api_key"}}"#, .request),
            (#"{"error":{"message":"M","type":"invalid_request_error","code":"model_not_found"}}"#, .request),
            (#"{"error":{"message":"M","type":"server_error","param":null,"code":null}}"#, .service),
            // DeepSeek
            (
                #"{"error":{"message":"M","type":"authentication_error","param":null,"code":"invalid_request_error"}}"#,
                .request
            ),
            (#"{"error":{"message":"M","type":"unknown_error","param":null,"code":"service_unavailable"}}"#, .service),
            // LiteLLM
            (#"{"error":{"message":"M","type":"throttling_error","param":null,"code":"429"}}"#, .rateLimit),
            (#"{"error":{"message":"M","type":"None","param":"None","code":"400"}}"#, .request),
            (#"{"error":{"message":"M","type":null,"param":null,"code":"500"}}"#, .service),
            // OpenRouter
            (#"{"error":{"code":429,"message":"M","metadata":{"provider_name":"P"}},"user_id":"u"}"#, .rateLimit),
            (
                #"{"error":{"code":502,"message":"M"},"choices":[{"delta":{"content":""},"finish_reason":"error"}]}"#,
                .service
            ),
            (#"{"error":{"code":402,"message":"M"}}"#, .request),
            // vLLM, before and after
            (#"{"object":"error","message":"M","type":"BadRequestError","param":null,"code":400}"#, .request),
            (#"{"object":"error","message":"M","type":"InternalServerError","param":null,"code":500}"#, .service),
            (#"{"error":{"message":"M","type":"NotFoundError","param":null,"code":404}}"#, .request),
            // Azure
            (
                #"{"error":{"message":"M","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{}}}"#,
                .request
            ),
            (#"{"error":{"code":"401","message":"M"}}"#, .request),
            (#"{"error":{"code":"429","message":"M"}}"#, .rateLimit),
            // Ollama, FastAPI, Anthropic's compatible one
            (#"{"error":"M"}"#, .service), (#"{"detail":"M"}"#, .service), (#"{"message":"M"}"#, .service),
            (#"{"error":{"code":"overloaded_error","message":"M","type":"overloaded_error","param":null}}"#, .service),
        ] as [(String, Kind)]
    )
    func `errors of the services that are about are told apart`(json: String, kind: Kind) throws {
        let error = try #require(ChatCompletionError(body: Array(json.utf8)))
        #expect(error.message == "M")
        #expect(error.kind == kind)
    }

    @Test func `an error may be without a message`() {
        #expect(error(#"{"error":{}}"#)?.message == "an error without a message")
        #expect(error(#"{"error":{"message":null,"code":true}}"#)?.kind == .service)
    }

    @Test(
        arguments: [
            "", "<html>", "[]", "null", "\"error\"", "{}", #"{"error":null}"#,
            #"{"detail":[{"loc":["body"],"msg":"M"}]}"#,
            #"{"choices":[],"error":null}"#, #"{"choices":[{"delta":{}}],"message":"M"}"#, #"{"model":"m"}"#,
        ]
    )
    func `what tells of no error is none`(json: String) {
        #expect(error(json) == nil)
    }

    @Test(
        arguments: [
            (#"{"error":{"message":"M","code":"context_length_exceeded"}}"#, "too long"),
            (
                #"{"message":"This model's maximum context length is 10 tokens.","type":"BadRequestError","code":400}"#,
                "too long"
            ),
            (#"{"error":{"message":"M","code":"content_filter"}}"#, "filter"),
            (#"{"error":{"message":"no such parameter: top_k","code":400}}"#, nil),
        ] as [(String, String?)]
    )
    func `clients are told why where it helps them, in words of our own`(json: String, word: String?) {
        let rejection = error(json)?.rejection
        if let word { #expect(rejection?.contains(word) == true) } else { #expect(rejection == nil) }
        #expect(rejection?.contains("M\"") != true)
    }
}
