import HTTPClient
import Primitives

/// An answer of an `OpenAIAgent`: waits for a place, asks, tries again as long as nothing has been shown, and passes on what comes.
///
/// To let go of it closes the connection to the model, if the answer is not at its end.
final class OpenAIAnswer: AgentAnswer {
    private enum Phase {
        case new
        /// For a place among those who ask.
        case queueing(Upstream.Place)
        case asking
        /// Until the next try.
        case pausing(until: Int64)
    }

    private let agent: OpenAIAgent
    private let client: HTTPClient
    private let clock: any AgentClock
    private let random: any IdentifierGenerator
    private let wake: @Sendable () -> Void
    private let startedAt: Int64
    /// Let go of when it has been asked for the last time: it holds all that was said before.
    private var prompt: AgentPrompt?

    private var phase = Phase.new
    private var place: Upstream.Place?
    private var request: OpenAIRequest?
    private var tries = 0
    /// Why the last try has failed.
    private var lastFailure: AgentError?
    /// Whether anything was passed on: then nothing is tried again.
    private var hasShown = false
    private var hasText = false
    private enum Pending {
        case text(String)
        case event(AgentEvent)
    }

    /// What the last part has brought and has not been returned yet; in reverse.
    private var pending: [Pending] = []

    private var model: String?
    private var usage: ChatCompletionPart.Usage?
    private var finishReason: String?

    init(
        agent: OpenAIAgent,
        prompt: AgentPrompt,
        client: HTTPClient,
        clock: any AgentClock,
        random: any IdentifierGenerator,
        wake: @escaping @Sendable () -> Void
    ) {
        self.agent = agent
        self.prompt = prompt
        self.client = client
        self.clock = clock
        self.random = random
        self.wake = wake
        startedAt = clock.monotonicNanoseconds
    }

    var metadata: JSONObject {
        var metadata: JSONObject = ["model": .string(model ?? agent.options.model)]
        if let usage {
            metadata["tokens_used"] = .integer(usage.total)
            metadata["prompt_tokens"] = .integer(usage.prompt)
            metadata["completion_tokens"] = .integer(usage.completion)
        }
        if let finishReason { metadata["finish_reason"] = .string(finishReason) }
        return metadata
    }

    private static let noPlace = AgentError(
        .rateLimited,
        "The model had no place for the question in time. Please try again in a while."
    )

    // MARK: Asking

    func next(appendingTo piece: inout [UInt8]) throws -> AgentProgress {
        while true {
            switch pending.popLast() {
            case .text(let text)?:
                piece.append(utf8: text)
                return .piece
            case .event(let event)?: return .event(event)
            case nil: break
            }
            let now = clock.monotonicNanoseconds
            switch phase {
            case .new:
                let place = try agent.upstream.place(wake: wake)
                phase = .queueing(place)
            case .queueing(let place):
                guard place.hasBeenServed else {
                    let deadline = startedAt + agent.options.timeouts.firstToken
                    guard now < deadline else { throw Self.noPlace }
                    return .waiting(until: deadline)
                }
                self.place = place
                try ask(at: now)
            case .pausing(let time):
                guard now >= time else { return .waiting(until: time) }
                try ask(at: now)
            case .asking:
                do throws(OpenAIFailure) {
                    if let progress = try read(appendingTo: &piece, at: now) { return progress }
                } catch {
                    try tryAgain(after: error, at: now)
                }
            }
        }
    }

    private func ask(at now: Int64) throws(AgentError) {
        guard let prompt else { preconditionFailure("An answer is asked for again after it has begun") }
        let attempt: Upstream.Attempt
        do throws(AgentError) {
            attempt = try agent.upstream.begin(at: now)
        } catch {
            // What has happened to this question says more than that it cannot be asked again.
            throw lastFailure ?? error
        }
        tries += 1
        if tries > 1 { agent.metrics.retries.add(1, ordering: .relaxed) }
        phase = .asking
        request = OpenAIRequest(
            agent,
            prompt,
            attempt: attempt,
            client: client,
            random: random,
            startedAt: now,
            wake: wake
        )
    }

    /// - Throws: what ends the answer.
    private func tryAgain(after failure: OpenAIFailure, at now: Int64) throws(AgentError) {
        request?.didFail(failure, at: now)
        request = nil
        var wait = RetryDelay.nanoseconds(try: tries, random: random)
        if let seconds = failure.retryAfter { wait = max(wait, Int64(min(seconds, 86_400)) * 1_000_000_000) }
        var error = failure.error
        if tries > 1 {
            error.detail += ", at try \(tries)"
            error.reason += ", at try \(tries)"
        }
        lastFailure = error
        guard failure.isPassing, !hasShown, tries <= agent.options.retries, wait <= RetryDelay.longest,
            now + wait < startedAt + agent.options.timeouts.total
        else { throw error }
        phase = .pausing(until: now + wait)
    }

    // MARK: Reading

    /// - Returns: nil when there is something in `pending`, or more to be looked at.
    private func read(appendingTo piece: inout [UInt8], at now: Int64) throws(OpenAIFailure) -> AgentProgress? {
        guard let request else { preconditionFailure("There is a request") }
        do throws(OpenAIFailure) {
            switch try request.next(appendingTo: &piece, at: now) {
            case .text:
                hasText = true
                if !hasShown { didShow() }
                return .piece
            case .part(let part):
                take(part)
                return nil
            case .done: return try finish()
            case nil: break
            }
            let deadline = request.deadline(hasShown: hasShown, total: startedAt + agent.options.timeouts.total)
            guard now >= deadline.time else { return .waiting(until: deadline.time) }
            throw request.refusal ?? .timeout(deadline.what, seconds: deadline.seconds)
        } catch {
            // All was said, and only the end of the response is missing.
            guard finishReason != nil else { throw error }
            return try finish()
        }
    }

    private func take(_ part: ChatCompletionPart) {
        if let model = part.model, !model.isEmpty { self.model = model }
        if let usage = part.usage { self.usage = usage }
        if let reason = part.finishReason { finishReason = reason }
        pending = part.toolCalls.reversed().map { .event(.toolCall($0)) }
        if !part.text.isEmpty {
            hasText = true
            pending.append(.text(part.text))
        }
        if !part.reasoning.isEmpty { pending.append(.event(.reasoning(part.reasoning))) }
        if !hasShown, !pending.isEmpty { didShow() }
    }

    private func didShow() {
        hasShown = true
        prompt = nil
        request?.didSucceed()
    }

    private func finish() throws(OpenAIFailure) -> AgentProgress {
        request?.finish()
        request = nil
        place = nil
        // A model may come to its limit while it still thinks.
        guard hasText || finishReason == "tool_calls" || (hasShown && finishReason == "length") else {
            throw .noText(finishReason: finishReason)
        }
        return .ended
    }
}
