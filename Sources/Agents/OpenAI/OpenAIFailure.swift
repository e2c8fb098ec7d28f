import HTTPClient
import Primitives

/// A request that has failed: what is told of it, and whether to make it again may help.
struct OpenAIFailure: Error {
    var error: AgentError
    /// Whether to try again is safe, and may help.
    var isPassing = false
    /// Whether the service is out of order, rather than this question.
    var isOutage = false
    /// The earliest time to try again, in seconds, where the service says so.
    var retryAfter: Int? {
        get { error.retryAfter }
        set { error.retryAfter = newValue }
    }

    private init(_ code: AgentError.Code, _ message: String, detail: String, reason: String? = nil) {
        error = AgentError(code, message, detail: detail, reason: reason)
    }

    // MARK: The connection

    init(_ transfer: TransferError, of endpoint: UpstreamEndpoint) {
        let detail = endpoint.redacted(transfer.description)
        switch transfer.kind {
        case .unreachable:
            self.init(.unavailable, "The model cannot be reached. Please try again.", detail: detail)
            isPassing = true
        case .connectTimeout:
            self.init(.timeout, "The model cannot be reached in time. Please try again.", detail: detail)
            isPassing = true
        case .cut:
            self.init(.unavailable, "The connection to the model was cut. Please try again.", detail: detail)
            isPassing = true
        case .malformed:
            self.init(.protocolViolation, Self.notUnderstood, detail: detail)
        }
        isOutage = true
    }

    /// The response ended before the answer did.
    static let cut: OpenAIFailure = {
        var failure = OpenAIFailure(
            .unavailable,
            "The connection to the model was cut. Please try again.",
            detail: "the response ended without a finish_reason"
        )
        failure.isPassing = true
        failure.isOutage = true
        return failure
    }()

    /// What has been waited for in vain.
    enum Missing: String {
        case firstToken = "no first token"
        case more = "nothing more"
        case end = "no end"
    }

    static func timeout(_ what: Missing, seconds: Int64) -> OpenAIFailure {
        let said = what == .end ? "The answer took too long" : "The model said nothing for too long. Please try again."
        var failure = OpenAIFailure(.timeout, said, detail: "\(what.rawValue) within \(seconds) s")
        failure.isOutage = true
        return failure
    }

    // MARK: The response

    private static let notUnderstood = "The model's answer could not be understood"

    static func garbage(_ detail: String, of endpoint: UpstreamEndpoint) -> OpenAIFailure {
        var failure = OpenAIFailure(.protocolViolation, notUnderstood, detail: endpoint.redacted(detail))
        failure.isOutage = true
        return failure
    }

    /// The answer has come to its end, and there is nothing in it.
    static func noText(finishReason: String?) -> OpenAIFailure {
        let detail = "finish_reason: \(finishReason ?? "none")"
        if finishReason == "content_filter" {
            return OpenAIFailure(.rejected, "The model's filter has held the answer back", detail: detail)
        }
        let isKnown = finishReason == nil || finishReason == "stop" || finishReason == "length"
        let reason = isKnown ? detail : "an end without text, for a reason of its own"
        return OpenAIFailure(.protocolViolation, "The model's answer has no text", detail: detail, reason: reason)
    }

    /// A response with a status that is no success (RFC 9110, section 15), and what its body says.
    init(status: Int, retryAfter: Int?, body: [UInt8], of endpoint: UpstreamEndpoint) {
        let said = ChatCompletionError(body: body)
        let reason = "status \(status)"
        let detail = endpoint.redacted(reason + (said.map { ": \($0.message)" } ?? ""))
        switch status {
        case 429:
            self.init(rateLimited: retryAfter, detail: detail, reason: reason)
        case 401, 403:
            self.init(
                .rejected,
                "The model's service refuses this service's credentials",
                detail: detail,
                reason: reason
            )
        case 404:
            self.init(.rejected, "The model's service does not know the model", detail: detail, reason: reason)
        case 408, 504:
            self.init(
                .timeout,
                "The model said nothing for too long. Please try again.",
                detail: detail,
                reason: reason
            )
            (isPassing, isOutage) = (true, true)
        case 425, 500...:
            self.init(.unavailable, "The model is out of order. Please try again.", detail: detail, reason: reason)
            (isPassing, isOutage) = (true, true)
        case 400..<500:
            self.init(
                .rejected,
                said?.rejection ?? "The model does not take this question",
                detail: detail,
                reason: reason
            )
        default:
            self.init(.protocolViolation, Self.notUnderstood, detail: detail, reason: reason)
            isOutage = true
        }
        self.retryAfter = retryAfter
    }

    /// An error object in an answer that began as a success.
    init(_ said: ChatCompletionError, of endpoint: UpstreamEndpoint) {
        let reason = "an error in the answer"
        let detail = endpoint.redacted("in the answer: \(said.message)")
        switch said.kind {
        case .rateLimit:
            self.init(rateLimited: nil, detail: detail, reason: reason)
        case .request:
            self.init(
                .rejected,
                said.rejection ?? "The model does not take this question",
                detail: detail,
                reason: reason
            )
        case .service:
            self.init(.unavailable, "The model is out of order. Please try again.", detail: detail, reason: reason)
            (isPassing, isOutage) = (true, true)
        }
    }

    private init(rateLimited retryAfter: Int?, detail: String, reason: String) {
        let time = retryAfter.map { " in \($0) s" } ?? " in a while"
        self.init(
            .rateLimited,
            "The model takes no more questions for now. Please try again\(time).",
            detail: detail,
            reason: reason
        )
        isPassing = true
        self.retryAfter = retryAfter
    }
}
