import Agents
import HTTPServer
import Primitives
import Storage
import Streaming

/// The making of one reply: pulls chunks from the agent into the stream's log, until the agent is done or the stream
/// is cancelled, stores how it ended, and only then says so.
struct Reply: Sendable {
    let service: ChatService
    let stream: LiveStream
    let agent: any Agent
    let question: ChatQuestion
    let session: Session
    /// Whether the session was idle for so long that its context starts anew.
    let startsContext: Bool

    /// How many chunks a reply that never has to wait may make before the others have their turn.
    private static let chunksPerTurn = 32
    /// How many conversations of the session are looked at for its context.
    private static let contextConversations = 200

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
        var encoder = encoder
        var progress = Progress(startedAt: loop.now)
        var answer: (any AgentAnswer)?
        var end: ReplyEnd
        do {
            let prompt = try await prompt()
            let pulled = agent.answer(prompt, pacer: LoopPacer(loop: loop))
            answer = pulled
            try await pull(pulled, into: &encoder, &progress, on: loop)
            end = .complete
        } catch let error as AgentError {
            service.logger.warning("agent failed", ["stream.id": .string(stream.id), "error": .error(error)])
            end = .failed(code: error.code.rawValue, message: error.message)
        } catch is CancellationError {
            end = .interrupted
        } catch {
            service.logger.error("reply failed", ["stream.id": .string(stream.id), "error": .error(error)])
            end = .failed(code: "INTERNAL_ERROR", message: "An internal error occurred")
        }
        switch stream.settle() {
        case .stopped: end = .cancelled
        case .interrupted where end != .complete: end = .interrupted
        case .interrupted, nil: break
        }
        let metadata = progress.metadata(answer?.metadata ?? [:], now: loop.now)
        await finish(end, metadata: metadata, on: loop)
    }

    private func pull(
        _ answer: any AgentAnswer,
        into encoder: inout StreamEventEncoder,
        _ progress: inout Progress,
        on loop: EventLoop
    ) async throws {
        var piece: [UInt8] = []
        while !stream.isCancelled, try await answer.next(appendingTo: &piece) {
            encoder.encodeContent(piece)
            guard stream.log.append(encoder.bytes, content: piece) else { break }
            piece.removeAll(keepingCapacity: true)
            progress.didAppend(at: loop.now)
            if progress.chunks % Self.chunksPerTurn == 0 { await Task.yield() }
        }
        if stream.isCancelled { throw CancellationError() }
    }

    private func prompt() async throws -> AgentPrompt {
        AgentPrompt(
            question: question.query,
            context: startsContext ? [] : try await turns(),
            userProfile: question.userProfile,
            requestContext: question.context,
            sessionID: session.id,
            userID: session.userID,
            roomID: session.roomID
        )
    }

    /// The newest turns of the session's context that fit its limit, oldest first.
    private func turns() async throws -> [AgentTurn] {
        var room = service.contextLimit
        var turns: [AgentTurn] = []
        for conversation in try await service.store.context(of: session, limit: Self.contextConversations).reversed() {
            room -= conversation.userInput.count + conversation.agentResponse.count
            guard room >= 0 else { break }
            turns.append(
                AgentTurn(
                    question: conversation.userInput,
                    answer: conversation.agentResponse,
                    agentType: conversation.agentType
                )
            )
        }
        return turns.reversed()
    }

    // MARK: Ending

    /// Durable before visible: the terminal event goes out when the conversation is stored.
    private func finish(_ end: ReplyEnd, metadata: JSONObject, on loop: EventLoop) async {
        let answer = stream.log.answer
        var conversationEnd = ConversationEnd(
            conversationID: stream.conversationID,
            streamID: stream.id,
            status: end.status,
            agentResponse: answer,
            metadata: metadata,
            at: service.time.now
        )
        if await store(conversationEnd, on: loop) {
            show(end, answer: answer, isKept: true)
            return
        }
        let failure = ReplyEnd.failed(
            code: "UNAVAILABLE",
            message: "The answer could not be stored. Please try again."
        )
        // Once clients are told that it failed, nothing else may be stored.
        conversationEnd.status = failure.status
        service.unstoredEnds.add(conversationEnd)
        show(failure, answer: answer, isKept: true)
    }

    /// Its sequence number comes from the log: an event that a stop has refused took none.
    private func show(_ end: ReplyEnd, answer: String, isKept: Bool) {
        var encoder = StreamEventEncoder(
            streamID: stream.id,
            agentType: agent.name,
            firstSequence: stream.log.eventCount
        )
        encoder.encodeTerminal(end, answer: answer)
        service.tracker.end(stream, terminalEvent: encoder.bytes, isKept: isKept)
    }

    /// In nanoseconds.
    private static let storeRetryDelays: [Int64] = [100_000_000, 500_000_000, 1_000_000_000, 3_000_000_000]

    /// False when the store could not be made to take it in a time for which clients can wait.
    private func store(_ end: ConversationEnd, on loop: EventLoop) async -> Bool {
        for delay in Self.storeRetryDelays + [nil] {
            do throws(StoreError) {
                // False means that it was deleted meanwhile: there is nothing to store.
                _ = try await service.store.end(end)
                return true
            } catch {
                service.logger.error("answer not stored", ["stream.id": .string(stream.id), "error": .error(error)])
                guard error.code == .unavailable, let delay else { return false }
                // A cancelled stream's task is cancelled too, and could not sleep by itself.
                let deadline = loop.now + delay
                await Task(executorPreference: loop) { try? await loop.sleep(until: deadline) }.value
            }
        }
        return false
    }
}
