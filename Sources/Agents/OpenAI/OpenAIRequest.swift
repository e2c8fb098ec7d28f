import HTTPClient
import Primitives

/// One try of an answer: a request to the model's service, and the reading of its response.
final class OpenAIRequest {
    private let attempt: Upstream.Attempt
    private let transfer: HTTPTransfer
    private let endpoint: UpstreamEndpoint
    private let timeouts: AgentTimeouts
    private let startedAt: Int64
    private var lastByteAt: Int64
    private var reader: ChatCompletionReader?

    init(
        _ agent: OpenAIAgent,
        _ prompt: AgentPrompt,
        attempt: Upstream.Attempt,
        client: HTTPClient,
        random: any IdentifierGenerator,
        startedAt: Int64,
        wake: @escaping @Sendable () -> Void
    ) {
        self.attempt = attempt
        self.startedAt = startedAt
        endpoint = agent.upstream.endpoint
        timeouts = agent.options.timeouts
        lastByteAt = startedAt
        let body = ChatCompletionRequest(options: agent.options, prompt: prompt).json
        var request = ClientRequest(
            url: endpoint.baseURL + "/chat/completions",
            body: JSONValue.object(body).encoded
        )
        request.headers = [("Content-Type", "application/json"), ("Accept", "text/event-stream, application/json")]
        if !endpoint.key.isEmpty { request.headers.append(("Authorization", "Bearer \(endpoint.key)")) }
        if let trace = prompt.trace {
            request.headers.append(("traceparent", trace.traceparent(parentID: random.randomBits().0)))
        }
        request.connectTimeout = Int(timeouts.connect / 1_000_000)
        request.authorities = endpoint.authorities
        request.needsFreshConnection = attempt.needsFreshConnection
        transfer = client.post(request, wake: wake)
    }

    /// What comes next of the answer; nil when that has not come yet. Text alone is appended to `text`.
    func next(appendingTo text: inout [UInt8], at now: Int64) throws(OpenAIFailure) -> ChatCompletionReader.Item? {
        while true {
            if let item = try reader?.next(appendingTo: &text) { return item }
            if transfer.hasBytes {
                lastByteAt = now
                try takeBytes()
            } else if let end = transfer.end {
                return try last(end, appendingTo: &text)
            } else {
                return nil
            }
        }
    }

    private func takeBytes() throws(OpenAIFailure) {
        var reader = takeReader()
        var failure: OpenAIFailure?
        transfer.takeBytes { bytes in
            do throws(OpenAIFailure) {
                try reader.append(copy bytes)
            } catch {
                failure = error
            }
        }
        self.reader = reader
        if let failure { throw failure }
    }

    private func last(
        _ end: HTTPTransfer.End,
        appendingTo text: inout [UInt8]
    ) throws(OpenAIFailure) -> ChatCompletionReader.Item {
        // What a refusal says counts, though its body is cut.
        if case .failed(let error) = end { throw refusal ?? OpenAIFailure(error, of: endpoint) }
        var reader = takeReader()
        defer { self.reader = reader }
        guard let item = try reader.last(appendingTo: &text) else { throw .cut }
        return item
    }

    /// It is not left in its place, where it would be copied as soon as it is changed.
    private func takeReader() -> ChatCompletionReader {
        defer { reader = nil }
        return reader ?? newReader
    }

    private var newReader: ChatCompletionReader {
        ChatCompletionReader(
            status: transfer.status ?? 0,
            contentType: transfer.contentType,
            retryAfter: transfer.retryAfter,
            of: endpoint
        )
    }

    // MARK: Time

    struct Deadline {
        var time: Int64
        /// What does not come within it.
        var what: OpenAIFailure.Missing
        var seconds: Int64
    }

    /// Until when more must have come.
    ///
    /// - Parameter total: when all of the answer must have come.
    func deadline(hasShown: Bool, total: Int64) -> Deadline {
        let limit = hasShown ? timeouts.stall : timeouts.firstToken
        let time = (hasShown ? lastByteAt : startedAt) + limit
        guard time < total else {
            return Deadline(time: total, what: .end, seconds: timeouts.total / 1_000_000_000)
        }
        return Deadline(
            time: time,
            what: hasShown ? .more : .firstToken,
            seconds: limit / 1_000_000_000
        )
    }

    /// What a response says that is no success, though its body has not come whole, or not at all; nil for others.
    var refusal: OpenAIFailure? {
        // Those below 200 are not the response yet (RFC 9110, section 15.2).
        guard let status = transfer.status, status >= 200 else { return nil }
        let reader = reader ?? newReader
        return reader.isRefusal ? reader.refusal : nil
    }

    // MARK: Outcome

    func didSucceed() { attempt.didSucceed() }

    func didFail(_ failure: OpenAIFailure, at now: Int64) {
        guard failure.isOutage else { return attempt.didSucceed() }
        attempt.didFail(failure.error.reason, isTimeout: failure.error.code == .timeout, at: now)
    }

    /// All has been said.
    func finish() {
        attempt.didSucceed()
        transfer.finish()
    }
}
