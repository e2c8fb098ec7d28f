/// Why an answer could not be given, or not to its end.
package struct AgentError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What clients see as `error_code`.
    package struct Code: RawRepresentable, Sendable, Hashable, CaseIterable {
        package var rawValue: String

        package init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// The model cannot be reached, or is out of order.
        package static let unavailable = Code(rawValue: "AGENT_UNAVAILABLE")
        /// The model said nothing for too long.
        package static let timeout = Code(rawValue: "AGENT_TIMEOUT")
        /// The model takes no more questions for now.
        package static let rateLimited = Code(rawValue: "AGENT_RATE_LIMITED")
        /// The model or the agent does not take this question.
        package static let rejected = Code(rawValue: "AGENT_REJECTED")
        /// The model's answer could not be understood.
        package static let protocolViolation = Code(rawValue: "AGENT_PROTOCOL")

        package static let allCases = [unavailable, timeout, rateLimited, rejected, protocolViolation]
    }

    package var code: Code
    /// What clients are told: neither secrets nor internals.
    package var message: String
    /// What lies behind it, in the words of the model's service too: never for clients. Without credentials; but a service may
    /// quote what it was asked.
    package var detail: String
    /// The same in words of our own alone.
    package var reason: String
    /// When trying again makes sense, in seconds, where that is known.
    package var retryAfter: Int?

    /// - Parameter reason: nil: `detail` is in words of our own.
    package init(
        _ code: Code,
        _ message: String,
        detail: String = "",
        reason: String? = nil,
        retryAfter: Int? = nil
    ) {
        self.code = code
        self.message = message
        self.detail = detail
        self.reason = reason ?? detail
        self.retryAfter = retryAfter
    }

    package var description: String {
        "\(message) (\(code.rawValue))" + (detail.isEmpty ? "" : ": \(detail)")
    }
}
