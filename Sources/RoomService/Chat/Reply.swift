import Agents
import HTTPServer
import Primitives
import Storage
import Streaming

/// The making of one reply: has the agent's pieces pumped into the stream's log, until the agent is done or the stream
/// is cancelled, stores how it ended, and only then says so.
///
/// It lives as long as its stream, and so holds no more than that needs.
final class Reply: Sendable {
    let service: ChatService
    let stream: LiveStream
    let pump: AnswerPump
    /// The request that has asked.
    let origin: RequestOrigin?
    private let outcome: AnswerOutcome?
    private let feed: (StreamFeed, FedStream)?

    private init(
        service: ChatService,
        stream: LiveStream,
        pump: AnswerPump,
        origin: RequestOrigin?,
        outcome: AnswerOutcome?,
        feed: (StreamFeed, FedStream)?
    ) {
        self.feed = feed
        self.service = service
        self.stream = stream
        self.pump = pump
        self.origin = origin
        self.outcome = outcome
    }

    /// Shows the first event, and has the answer made on `loop`. To be called on it.
    static func start(
        _ stream: LiveStream,
        _ agent: any Agent,
        _ prompt: AgentPrompt,
        origin: RequestOrigin?,
        outcome: AnswerOutcome? = nil,
        service: ChatService,
        on loop: EventLoop
    ) {
        var encoder = StreamEventEncoder(streamID: stream.id, agentType: stream.agentType)
        encoder.encode(status: "started")
        _ = stream.log.append(encoder.bytes)
        encoder.buffers = EventBuffers()
        service.tracker.announce(stream)
        let feed = stream.isStored ? service.cluster?.feed(on: loop) : nil
        let fed = feed.map { ($0, $0.begin(stream)) }
        let pump = AnswerPump(
            stream,
            encoder: encoder,
            backlog: service.backlog,
            limit: service.answerLimit,
            scratch: service.scratches[loop.index],
            feed: fed,
            loop: loop
        )
        let reply = Reply(service: service, stream: stream, pump: pump, origin: origin, outcome: outcome, feed: fed)
        service.logger.info("stream started", reply.fields(capacity: 7))
        // The task is awaited by whoever waits for the stream's end.
        pump.start(agent, prompt) { result in
            Task(executorPreference: loop) { await reply.finish(result, at: loop.now) }
        }
    }

    // MARK: Ending

    private func finish(_ result: Result<AnswerPump.Outcome, any Error>, at now: Int64) async {
        var end = end(result)
        switch stream.settle() {
        case .stopped: end = .cancelled
        case .interrupted where end.status != .completed: end = .interrupted
        case .interrupted, nil: break
        }
        var metadata = pump.progress.metadata(pump.metadata, now: now)
        switch end {
        case .complete(let reason?): metadata["finish_reason"] = .string(reason)
        case .failed(let code, let message, _):
            metadata["error_code"] = .string(code)
            metadata["error"] = .string(message)
        case .complete(nil), .cancelled, .interrupted: break
        }
        service.metrics.responseTime.observe(nanoseconds: pump.progress.time(at: now))
        service.metrics.agents.didEnd(end, agent: stream.agentType, pump.progress, pump.metadata, now: now)
        await finish(end, metadata: metadata)
    }

    private func end(_ result: Result<AnswerPump.Outcome, any Error>) -> ReplyEnd {
        do {
            switch try result.get() {
            case .complete: return .complete(for: pump.metadata["finish_reason"]?.stringValue)
            case .cutAtLimit: return .completeAtLimit
            case .cancelled: return .interrupted
            }
        } catch let error as AgentError {
            service.logger.warning("agent failed", fields(error))
            // What the model's service has said may quote what it was asked.
            service.logger.debug("agent failed, in its words", fields("detail", error.detail))
            return .failed(code: error.code.rawValue, message: error.message, retryAfter: error.retryAfter)
        } catch {
            service.logger.error("reply failed", fields("error", "\(error)"))
            return .failed(code: "INTERNAL_ERROR", message: "An internal error occurred")
        }
    }

    /// Durable before visible: the terminal event goes out when the conversation is stored.
    private func finish(_ end: ReplyEnd, metadata: JSONObject) async {
        let answer = stream.log.answer
        guard stream.isStored else { return show(end, answer: answer, metadata, isKept: false) }
        let conversationEnd = ConversationEnd(
            conversationID: stream.conversationID,
            streamID: stream.id,
            status: end.status,
            agentResponse: answer,
            metadata: metadata,
            at: service.time.now
        )
        switch await store(conversationEnd) {
        case .success(true): show(end, answer: answer, metadata)
        case .success(false): await showStoredEnd(or: end, answer: answer, metadata)
        case .failure(let error): await fail(conversationEnd, error)
        }
    }

    /// Returns when it is stored, however long the store is away: until then nobody is told of the end.
    private func store(_ end: ConversationEnd) async -> StoreBacklog.Outcome {
        do throws(StoreError) {
            return .success(try await service.store.end(end))
        } catch {
            guard error.code == .unavailable else { return .failure(error) }
            service.logger.warning("answer not stored yet", fields("error", "\(error)"))
            return await service.backlog.wait(end)
        }
    }

    /// Another instance has ended it, which took this one for dead, or it was deleted: then it ended as it did.
    private func showStoredEnd(or end: ReplyEnd, answer: String, _ metadata: JSONObject) async {
        let stored: Conversation?
        do throws(StoreError) {
            stored = try await service.store.conversation(streamID: stream.id)
        } catch {
            service.logger.error("answer not found", fields("error", "\(error)"))
            return show(Self.unstored, answer: answer, metadata)
        }
        guard let stored, stored.status != .streaming else { return show(end, answer: answer, metadata) }
        service.logger.warning("answer was ended by another", fields("state", stored.end.streamEnd.rawValue))
        show(stored.end, answer: stored.agentResponse, stored.metadata, sequence: stored.terminalSequence)
    }

    /// Once clients are told that it failed, nothing else may be stored.
    private func fail(_ end: ConversationEnd, _ error: StoreError) async {
        service.logger.error("answer not stored", fields("error", "\(error)"))
        if error.code != .unavailable {
            var failedEnd = end
            failedEnd.status = Self.unstored.status
            // Where this fails as well, the record of the stream stays, and it counts as interrupted later.
            _ = try? await service.store.end(failedEnd)
        }
        service.backlog.keepParts(of: stream)
        show(Self.unstored, answer: end.agentResponse, end.metadata)
    }

    private func show(
        _ end: ReplyEnd,
        answer: String,
        _ metadata: JSONObject,
        sequence: Int? = nil,
        isKept: Bool = true
    ) {
        if case .failed(let code, _, _) = end { service.metrics.errors.add(code) }
        outcome?.didEnd(AnswerOutcome.Ended(end: end, text: answer, metadata: metadata))
        if let (feed, fed) = feed {
            // First the place: who has seen the end may ask the next question anywhere.
            service.cluster?.release(stream, on: feed.loop)
            service.show(end, of: stream, answer: answer, sequence: sequence, isKept: isKept)
            feed.end(fed)
        } else {
            service.show(end, of: stream, answer: answer, sequence: sequence, isKept: isKept)
        }
        service.logger.info("stream ended", fields(end, answer))
    }

    private static let unstored = ReplyEnd.failed(
        code: "UNAVAILABLE",
        message: "The answer could not be stored. Please try again."
    )
}
