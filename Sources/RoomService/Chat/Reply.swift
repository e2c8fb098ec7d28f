import Agents
import HTTPServer
import Primitives
import Storage
import Streaming

/// The making of one reply: has the agent's pieces pumped into the stream's log, until the agent is done or the stream
/// is cancelled, stores how it ended, and only then says so.
struct Reply: Sendable {
    let service: ChatService
    let stream: LiveStream
    let agent: any Agent
    let question: ChatQuestion
    let session: Session
    /// What was said before in the session, oldest first.
    var context: [AgentTurn] = []

    var conversation: Conversation {
        Conversation(
            id: stream.conversationID,
            userID: session.userID,
            sessionID: session.id,
            roomID: session.roomID,
            agentType: agent.name,
            userInput: question.query,
            timestamp: stream.startedAt,
            streamID: stream.id,
            messageID: question.messageID
        )
    }

    /// Shows the first event, and has the answer made on `loop`.
    func start(on loop: EventLoop) {
        var encoder = StreamEventEncoder(streamID: stream.id, agentType: agent.name)
        encoder.encode(status: "started")
        _ = stream.log.append(encoder.bytes)
        service.tracker.announce(stream)
        stream.own(Task(executorPreference: loop) { [encoder] in await run(encoder, on: loop) })
    }

    /// Gives up a stream whose question could not be stored. Whoever has joined it meanwhile is told.
    func abandon(_ error: APIError) {
        show(.failed(code: error.code, message: error.message), answer: "", isKept: false)
    }

    // MARK: Making the answer

    private func run(_ encoder: StreamEventEncoder, on loop: EventLoop) async {
        let pump = AnswerPump(
            stream,
            encoder: encoder,
            backlog: service.backlog,
            limit: service.answerLimit,
            loop: loop
        )
        var end = await end(of: pump)
        switch stream.settle() {
        case .stopped: end = .cancelled
        case .interrupted where end.status != .completed: end = .interrupted
        case .interrupted, nil: break
        }
        var metadata = pump.progress.metadata(pump.metadata, now: loop.now)
        if end == .completeAtLimit { metadata["finish_reason"] = .string(ReplyEnd.limitReason) }
        await finish(end, metadata: metadata)
    }

    private func end(of pump: AnswerPump) async -> ReplyEnd {
        do {
            switch try await pump.run(agent, prompt) {
            case .complete: return .complete
            case .cutAtLimit: return .completeAtLimit
            case .cancelled: return .interrupted
            }
        } catch let error as AgentError {
            service.logger.warning("agent failed", ["stream.id": .string(stream.id), "error": .error(error)])
            return .failed(code: error.code.rawValue, message: error.message)
        } catch {
            service.logger.error("reply failed", ["stream.id": .string(stream.id), "error": .error(error)])
            return .failed(code: "INTERNAL_ERROR", message: "An internal error occurred")
        }
    }

    private var prompt: AgentPrompt {
        AgentPrompt(
            question: question.query,
            context: context,
            userProfile: question.userProfile,
            requestContext: question.context,
            sessionID: session.id,
            userID: session.userID,
            roomID: session.roomID
        )
    }

    // MARK: Ending

    /// Durable before visible: the terminal event goes out when the conversation is stored.
    private func finish(_ end: ReplyEnd, metadata: JSONObject) async {
        let answer = stream.log.answer
        let conversationEnd = ConversationEnd(
            conversationID: stream.conversationID,
            streamID: stream.id,
            status: end.status,
            agentResponse: answer,
            metadata: metadata,
            at: service.time.now
        )
        switch await store(conversationEnd) {
        case .success(true): show(end, answer: answer, isKept: true)
        case .success(false): await showStoredEnd(or: end, answer: answer)
        case .failure(let error): await fail(conversationEnd, error)
        }
    }

    /// Returns when it is stored, however long the store is away: until then nobody is told of the end.
    private func store(_ end: ConversationEnd) async -> StoreBacklog.Outcome {
        do throws(StoreError) {
            return .success(try await service.store.end(end))
        } catch {
            guard error.code == .unavailable else { return .failure(error) }
            service.logger.warning("answer not stored yet", ["stream.id": .string(stream.id), "error": .error(error)])
            return await service.backlog.wait(end)
        }
    }

    /// Another instance has ended it, which took this one for dead, or it was deleted: then it ended as it did.
    private func showStoredEnd(or end: ReplyEnd, answer: String) async {
        let stored: Conversation?
        do throws(StoreError) {
            stored = try await service.store.conversation(streamID: stream.id)
        } catch {
            service.logger.error("answer not found", ["stream.id": .string(stream.id), "error": .error(error)])
            return show(Self.unstored, answer: answer, isKept: true)
        }
        guard let stored, stored.status != .streaming else { return show(end, answer: answer, isKept: true) }
        service.logger.warning(
            "answer was ended by another",
            ["stream.id": .string(stream.id), "status": .string(stored.status.rawValue)]
        )
        show(stored.end, answer: stored.agentResponse, isKept: true)
    }

    /// Once clients are told that it failed, nothing else may be stored.
    private func fail(_ end: ConversationEnd, _ error: StoreError) async {
        service.logger.error("answer not stored", ["stream.id": .string(stream.id), "error": .error(error)])
        if error.code != .unavailable {
            var failedEnd = end
            failedEnd.status = Self.unstored.status
            // Where this fails as well, the record of the stream stays, and it counts as interrupted later.
            _ = try? await service.store.end(failedEnd)
        }
        show(Self.unstored, answer: end.agentResponse, isKept: true)
    }

    private static let unstored = ReplyEnd.failed(
        code: "UNAVAILABLE",
        message: "The answer could not be stored. Please try again."
    )

    /// Its sequence number comes from the log: an event that a stop has refused took none.
    private func show(_ end: ReplyEnd, answer: String, isKept: Bool) {
        var encoder = StreamEventEncoder(
            streamID: stream.id,
            agentType: agent.name,
            firstSequence: stream.log.eventCount
        )
        encoder.encodeTerminal(end, answer: answer)
        service.tracker.metrics.didEnd(end.streamEnd)
        service.tracker.end(stream, terminalEvent: encoder.bytes, isKept: isKept)
    }
}
