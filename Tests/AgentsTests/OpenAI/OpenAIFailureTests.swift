import Primitives
import Testing

@testable import Agents

struct OpenAIFailureTests {
    private static let endpoint = try! UpstreamEndpoint(baseURL: "http://model.test/v1", key: "sk-secret")

    private func failure(status: Int, retryAfter: Int? = nil, _ body: String = "") -> OpenAIFailure {
        OpenAIFailure(status: status, retryAfter: retryAfter, body: Array(body.utf8), of: Self.endpoint)
    }

    @Test(
        arguments: [
            (400, .rejected, false, false), (401, .rejected, false, false), (403, .rejected, false, false),
            (404, .rejected, false, false), (408, .timeout, true, true), (409, .rejected, false, false),
            (413, .rejected, false, false), (422, .rejected, false, false), (425, .unavailable, true, true),
            (429, .rateLimited, true, false), (499, .rejected, false, false), (500, .unavailable, true, true),
            (502, .unavailable, true, true), (503, .unavailable, true, true), (504, .timeout, true, true),
            (529, .unavailable, true, true), (301, .protocolViolation, false, true),
            (304, .protocolViolation, false, true), (0, .protocolViolation, false, true),
        ] as [(Int, AgentError.Code, Bool, Bool)]
    )
    func `a status tells the code, whether to try again, and whose fault it is`(
        status: Int,
        code: AgentError.Code,
        isPassing: Bool,
        isOutage: Bool
    ) {
        let failure = failure(status: status)
        #expect(failure.error.code == code)
        #expect(failure.isPassing == isPassing)
        #expect(failure.isOutage == isOutage)
        #expect(failure.error.detail == "status \(status)")
    }

    @Test func `the service's words are for the log, and clients get ours`() {
        let failure = failure(status: 500, #"{"error":{"message":"worker 7 of sk-secret fell over"}}"#)
        #expect(failure.error.detail == "status 500: worker 7 of … fell over")
        #expect(failure.error.reason == "status 500")
        #expect(failure.error.message == "The model is out of order. Please try again.")
    }

    @Test func `a refused question is explained where that helps`() {
        let tooLong = failure(status: 400, #"{"error":{"message":"M","code":"context_length_exceeded"}}"#)
        #expect(tooLong.error.message.contains("too long for the model"))
        let filtered = failure(status: 400, #"{"error":{"message":"M","code":"content_filter"}}"#)
        #expect(filtered.error.message.contains("filter"))
        #expect(failure(status: 400, "<html>").error.message == "The model does not take this question")
    }

    @Test func `the time to come back is told, and kept`() {
        let failure = failure(status: 429, retryAfter: 7)
        #expect(failure.retryAfter == 7)
        #expect(failure.error.message.hasSuffix("Please try again in 7 s."))
        #expect(self.failure(status: 429).error.message.hasSuffix("Please try again in a while."))
        #expect(self.failure(status: 503, retryAfter: 3).retryAfter == 3)
    }

    @Test(
        arguments: [
            (#"{"error":{"message":"M","code":"rate_limit_exceeded"}}"#, .rateLimited, true, false),
            (#"{"error":{"message":"M","type":"invalid_request_error"}}"#, .rejected, false, false),
            (#"{"error":{"message":"M","type":"server_error"}}"#, .unavailable, true, true),
        ] as [(String, AgentError.Code, Bool, Bool)]
    )
    func `an error within an answer is understood as a status is`(
        body: String,
        code: AgentError.Code,
        isPassing: Bool,
        isOutage: Bool
    ) throws {
        let said = try #require(ChatCompletionError(body: Array(body.utf8)))
        let failure = OpenAIFailure(said, of: Self.endpoint)
        #expect(failure.error.code == code && failure.error.detail == "in the answer: M")
        #expect(failure.error.reason == "an error in the answer")
        #expect(failure.isPassing == isPassing && failure.isOutage == isOutage)
    }

    @Test func `an answer without text is a refusal when the filter has held it back`() {
        #expect(OpenAIFailure.noText(finishReason: "content_filter").error.code == .rejected)
        for reason in ["stop", "length", nil] {
            let failure = OpenAIFailure.noText(finishReason: reason)
            #expect(failure.error.code == .protocolViolation)
            #expect(failure.error.detail == "finish_reason: \(reason ?? "none")")
            #expect(failure.error.reason == failure.error.detail)
            #expect(!failure.isPassing && !failure.isOutage)
        }
        let odd = OpenAIFailure.noText(finishReason: "as I was asked for my key").error
        #expect(odd.detail.contains("my key") && !odd.reason.contains("my key"))
    }

    @Test func `what was cut or came too late is the service's fault, and only what was cut is tried again`() {
        #expect(OpenAIFailure.cut.isPassing && OpenAIFailure.cut.isOutage)
        #expect(OpenAIFailure.cut.error.code == .unavailable)
        let late = OpenAIFailure.timeout(.firstToken, seconds: 30)
        #expect(!late.isPassing && late.isOutage)
        #expect(late.error.code == .timeout && late.error.detail == "no first token within 30 s")
        let garbage = OpenAIFailure.garbage("no JSON near sk-secret", of: Self.endpoint)
        #expect(!garbage.isPassing && garbage.isOutage)
        #expect(garbage.error.code == .protocolViolation && garbage.error.detail == "no JSON near …")
    }
}
