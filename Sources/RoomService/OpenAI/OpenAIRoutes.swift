import Agents
import HTTPServer
import Primitives
import Streaming

/// `/v1`: the agents as models, in OpenAI's own form, for clients that know that already.
struct OpenAIRoutes: RouteGroup {
    let chat: ChatService
    /// When the agents count as made.
    let startedAt: Timestamp
    /// Nil: no lines are wanted about readers.
    let readers: StreamReaders?

    func add(to router: inout Router<RouteHandler>) {
        router.on(.get, "/v1/models", .task(models))
        router.on(.get, "/v1/models/{model}", .task(model))
        router.on(.post, "/v1/chat/completions", .task(complete))
    }

    // MARK: Models

    private func models(_ request: APIRequest) async throws(APIError) -> HTTPResponse {
        let names = chat.agents.agents.map(\.name) + [AgentRegistry.automatic]
        return Envelope.plain(["object": "list", "data": .array(names.map { .object(json(ofModel: $0)) })])
    }

    private func model(_ request: APIRequest) async throws(APIError) -> HTTPResponse {
        let name = request.path("model")
        _ = try agent(ofModel: name)
        return Envelope.plain(json(ofModel: name))
    }

    func json(ofModel name: String) -> JSONObject {
        [
            "id": .string(name),
            "object": "model",
            "created": .integer(startedAt.milliseconds / 1000),
            "owned_by": "roomservice",
        ]
    }

    /// The agent of that name; for `auto` that which answers where nothing else decides.
    private func agent(ofModel name: String) throws(APIError) -> any Agent {
        guard let agent = chat.agents.agent(for: name, roomInitialAgent: nil, sessionActiveAgent: nil) else {
            throw .modelNotFound(name)
        }
        return agent
    }

    // MARK: Completions

    private func complete(_ http: APIRequest) async throws(APIError) -> HTTPResponse {
        let request = try CompletionRequest(try http.json())
        let agent = try agent(ofModel: request.model)
        http.log.note(userID: request.user)
        let outcome = AnswerOutcome()
        let stream: LiveStream =
            if let sessionID = request.sessionID {
                try await ask(request, in: sessionID, http.log, outcome, on: http.loop)
            } else {
                try await chat.answer(
                    request.prompt(for: agent),
                    of: request.user,
                    at: http.http.peer.host,
                    by: agent,
                    log: http.log,
                    outcome: outcome,
                    on: http.loop
                )
            }
        let completion = Completion(stream, outcome: outcome)
        guard request.isStreamed else {
            await stream.waitUntilEnded()
            return Envelope.plain(try completion.whole())
        }
        let subscription = AnswerSubscription(
            stream.log,
            encoder: CompletionChunks(completion, includesUsage: request.includesUsage),
            metrics: chat.tracker.metrics,
            reader: readers?.reader(http.log),
            whenClosed: { [stream] in
                // Nobody else can see a stateless answer, and a model costs money.
                if !stream.isStored { stream.abandon() }
            }
        )
        return EventStreamResponse.make(.stream(subscription))
    }

    /// Asks in a session as any client does. What was said there before is known: the request's own history is left aside.
    private func ask(
        _ request: CompletionRequest,
        in sessionID: String,
        _ log: RequestLog,
        _ outcome: AnswerOutcome,
        on loop: EventLoop
    ) async throws(APIError) -> LiveStream {
        let question = ChatQuestion(
            query: request.messages.lastQuestion,
            sessionID: sessionID,
            userID: request.user,
            agentType: request.model,
            context: [:],
            instructions: request.messages.instructions,
            parameters: request.parameters,
            joinsSameQuery: false,
            log: log,
            faultLocation: "body"
        )
        guard case .stream(let stream) = try await chat.ask(question, outcome: outcome, on: loop) else {
            preconditionFailure("Only a question with an id of its own can have been answered before")
        }
        return stream
    }
}

extension APIError {
    static func modelNotFound(_ name: String) -> APIError {
        var error = APIError(.notFound, "MODEL_NOT_FOUND", "The model '\(name)' does not exist")
        error.parameter = "model"
        return error
    }
}

extension CompletionRequest {
    /// What the agent is asked where the request says all there is to know.
    fileprivate func prompt(for agent: any Agent) -> AgentPrompt {
        let (turns, question) = messages.conversation(with: agent.name)
        return AgentPrompt(
            question: question,
            context: turns,
            instructions: messages.instructions,
            parameters: parameters,
            sessionID: "",
            userID: user ?? "",
            roomID: ""
        )
    }
}
