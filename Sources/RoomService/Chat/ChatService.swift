import Agents
import HTTPServer
import Primitives
import Storage
import Streaming

/// Accepts questions and has them answered; stops answers; finds streams again.
///
/// A class, as every running answer refers to it.
final class ChatService: Sendable {
    let store: any Store
    let sessions: SessionService
    let agents: AgentRegistry
    let metrics: ServiceMetrics
    let tracker: ActiveStreamTracker
    /// The other instances, where there may be some.
    let cluster: Cluster?
    let backlog: StoreBacklog
    let rateLimiter: RateLimiter
    let ids: any IdentifierGenerator
    let time: any TimeSource
    let logger: Logger
    let instanceID: String
    let contextLimit: Int
    /// The longest answer, in bytes of UTF-8.
    let answerLimit: Int
    /// How much of a stream's events is held, in bytes.
    let logLimit: Int
    /// One for each loop, by its index.
    let scratches: [AnswerScratch]

    init(
        store: any Store,
        sessions: SessionService,
        agents: AgentRegistry,
        metrics: ServiceMetrics,
        tracker: ActiveStreamTracker,
        cluster: Cluster?,
        backlog: StoreBacklog,
        rateLimiter: RateLimiter,
        ids: any IdentifierGenerator,
        time: any TimeSource,
        logger: Logger,
        instanceID: String,
        contextLimit: Int,
        answerLimit: Int,
        logLimit: Int,
        loopCount: Int
    ) {
        self.store = store
        self.sessions = sessions
        self.agents = agents
        self.metrics = metrics
        self.tracker = tracker
        self.cluster = cluster
        self.backlog = backlog
        self.rateLimiter = rateLimiter
        self.ids = ids
        self.time = time
        self.logger = logger
        self.instanceID = instanceID
        self.contextLimit = contextLimit
        self.answerLimit = answerLimit
        self.logLimit = logLimit
        scratches = (0..<loopCount).map { _ in AnswerScratch() }
    }

    /// What a client is given to watch.
    enum Answer: Sendable {
        case stream(LiveStream)
        /// Another instance answers the same question.
        case copy(RemoteStreams.Copy)
        /// The question was answered before, and its stream is no longer held.
        case stored(Conversation)
    }

    static let roomMismatch = APIError(.conflict, "ROOM_MISMATCH", "The room is not the session's room")

    // MARK: Asking

    /// Accepts a question. When this returns, it is stored, and its stream has its first event; the answer is made on
    /// `loop`, whether or not anybody watches.
    ///
    /// - Parameter outcome: where it is told how the answer ends, unless the question joins another one's answer.
    func ask(
        _ question: ChatQuestion,
        outcome: AnswerOutcome? = nil,
        on loop: EventLoop
    ) async throws(APIError) -> Answer {
        let session = try await session(for: question)
        question.log?.note(session)
        let agent = try await agent(for: question, in: session)
        let now = time.now
        let stream = LiveStream(
            id: ids.token(prefix: "stream_"),
            conversationID: ids.uuid(prefix: "conv_", at: now),
            sessionID: session.id,
            roomID: session.roomID,
            userID: session.userID,
            agentType: agent.name,
            question: StreamQuestion(query: question.query, messageID: question.messageID),
            startedAt: now,
            retainedLimit: logLimit
        )
        try await rateLimiter.check(.writes, key: session.userID)
        // Before the session's place is taken: others would join a stream that has nothing to answer.
        if let answer = try await formerAnswer(to: question, in: session, on: loop) { return answer }
        if case .joined(let running) = try await reserve(stream, joinsSameQuery: question.joinsSameQuery, on: loop) {
            return await answer(joining: running, on: loop)
        }
        if let copy = try await claim(stream, question, on: loop) { return .copy(copy) }
        let startsContext = sessions.hasIdled(session, at: stream.startedAt)
        // Only what is to be answered counts as a question: a client that joins an answer is not refused for its rate.
        do throws(APIError) {
            try await rateLimiter.check(.messages, key: session.userID)
        } catch {
            abandon(stream, error, on: loop)
            throw error
        }
        let prompt: AgentPrompt
        do throws(StoreError) {
            // All that can fail comes before the question is accepted.
            let context = startsContext ? [] : try await context(of: session)
            prompt = question.prompt(in: session, context: context)
            try await store.begin(
                question.conversation(of: stream),
                stream: activeStream(stream),
                startsContext: startsContext
            )
        } catch {
            abandon(stream, APIError(error), on: loop)
            // It may have been accepted all the same, and only the acknowledgement be lost.
            if error.code == .unavailable {
                backlog.withdraw(conversationID: stream.conversationID, streamID: stream.id)
            }
            guard error.code == .duplicateMessage, let messageID = question.messageID else { throw APIError(error) }
            return try await stored(sessionID: session.id, messageID: messageID)
        }
        question.log?.note(stream)
        Reply.start(stream, agent, prompt, origin: question.log?.origin, outcome: outcome, service: self, on: loop)
        return .stream(stream)
    }

    /// The answer to a question that was asked before and whose stream is not held here.
    private func formerAnswer(
        to question: ChatQuestion,
        in session: Session,
        on loop: EventLoop
    ) async throws(APIError) -> Answer? {
        guard let messageID = question.messageID,
            let answered = try await conversation(sessionID: session.id, messageID: messageID),
            tracker.stream(id: answered.streamID ?? "") == nil
        else { return nil }
        if answered.status == .streaming, let cluster,
            let copy = await copy(of: answered.streamID ?? "", cluster, on: loop)
        {
            return .copy(copy)
        }
        return .stored(try Self.ended(answered))
    }

    /// Gives up a stream whose question was not accepted. Whoever has joined it meanwhile is told.
    func abandon(_ stream: LiveStream, _ error: APIError, on loop: EventLoop) {
        cluster?.release(stream, on: loop)
        show(.failed(code: error.code, message: error.message), of: stream, answer: "", isKept: false)
    }

    /// Ends a stream, and tells its readers how. The event's sequence number comes from the log: an event that a stop has
    /// refused took none.
    ///
    /// - Parameter sequence: that number as others have told it, who have ended the answer, and did not know all events.
    func show(_ end: ReplyEnd, of stream: LiveStream, answer: String, sequence: Int? = nil, isKept: Bool = true) {
        let sequence = max(stream.log.eventCount, sequence ?? 0)
        var encoder = StreamEventEncoder(
            streamID: stream.id,
            agentType: stream.agentType,
            firstSequence: sequence
        )
        encoder.encodeTerminal(end, answer: answer)
        tracker.metrics.didEnd(end.streamEnd)
        tracker.end(stream, terminalEvent: encoder.bytes, sequence: sequence, isKept: isKept)
    }

    private func session(for question: ChatQuestion) async throws(APIError) -> Session {
        let session = try await sessions.session(question.sessionID)
        try Self.checkOwner(question.userID, of: session.userID, question.roomID, of: session.roomID)
        return session
    }

    private func agent(for question: ChatQuestion, in session: Session) async throws(APIError) -> any Agent {
        let room = try await storing { () throws(StoreError) in try await store.room(id: session.roomID) }
        guard let room else { throw .roomNotFound }
        let agent = agents.agent(
            for: question.agentType,
            roomInitialAgent: room.metadata["initial_agent"]?.stringValue,
            sessionActiveAgent: session.activeAgent
        )
        guard let agent else {
            let names = ([AgentRegistry.automatic] + agents.agents.map(\.name)).map { "'\($0)'" }
            throw APIError(
                ValidationError(faults: [
                    Fault(
                        type: "literal_error",
                        location: [question.faultLocation, "agent_type"],
                        message: "Input should be \(names.joined(separator: " or "))",
                        input: .string(question.agentType)
                    )
                ])
            )
        }
        let faults = agent.faults(in: question.context).map { Fault($0, in: question.faultLocation) }
        try check { () throws(ValidationError) in try ValidationError.check(faults) }
        return agent
    }

    /// How many conversations of the session are looked at for its context.
    private static let contextConversations = 200

    /// The newest turns of the session's context that fit its limit, oldest first.
    private func context(of session: Session) async throws(StoreError) -> [AgentTurn] {
        var room = contextLimit
        var turns: [AgentTurn] = []
        for conversation in try await store.context(of: session, limit: Self.contextConversations).reversed() {
            room -= conversation.userInput.unicodeScalars.count + conversation.agentResponse.unicodeScalars.count
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

    /// How often, and for how long in nanoseconds, a question waits for another one of the session that is being accepted.
    private static let raceWaits = 50
    static let raceInterval: Int64 = 10_000_000

    /// Takes the session's place. A stream that is being stopped still has it for a moment, until its text is stored.
    private func reserve(
        _ stream: LiveStream,
        joinsSameQuery: Bool,
        on loop: EventLoop
    ) async throws(APIError) -> ActiveStreamTracker.Start {
        var waits = Self.raceWaits
        while true {
            do throws(StreamRefusal) {
                return try tracker.start(stream, joinsSameQuery: joinsSameQuery)
            } catch {
                guard case .sessionBusy(let id) = error else { throw APIError(error) }
                // One that has ended meanwhile is in nobody's way.
                guard let running = tracker.running(sessionID: stream.sessionID), running.id == id else { continue }
                // Among racing questions it may itself be refused, by another instance's.
                if cluster != nil, !running.hasBegun, !running.isCancelled, waits > 0 {
                    waits -= 1
                    _ = try? await loop.sleep(until: loop.now + Self.raceInterval)
                    continue
                }
                guard running.isCancelled else { throw APIError(error) }
                guard await running.waitUntilEnded(for: Self.endLimit, on: loop) else { throw APIError(error) }
            }
        }
    }

    private func activeStream(_ stream: LiveStream) -> ActiveStream {
        ActiveStream(
            id: stream.id,
            sessionID: stream.sessionID,
            roomID: stream.roomID,
            userID: stream.userID,
            agentType: stream.agentType,
            instanceID: instanceID,
            startedAt: stream.startedAt,
            lastHeartbeat: stream.startedAt
        )
    }
}
