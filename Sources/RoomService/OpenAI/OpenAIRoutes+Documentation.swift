import Agents
import HTTPServer
import Primitives

extension OpenAIRoutes {
    var operations: [Operation] { [listModels, showModel, completeChat] }

    private var sampleModel: JSONObject {
        json(ofModel: Sample.agent).with("created", Int(Sample.time.milliseconds / 1000))
    }

    private var listModels: Operation {
        Operation(
            .get,
            "/v1/models",
            "listModels",
            .openAI,
            "The agents by their names, and auto",
            responses: [
                .json(
                    "The models",
                    Schema.object([
                        Field("object", Schema.constant("list")),
                        Field("data", Schema.array(of: Schema.reference("Model"))),
                    ]),
                    example: ["object": "list", "data": [.object(sampleModel)]]
                )
            ],
            errors: [.rateLimitExceeded(retryAfter: 1)]
        )
    }

    private var showModel: Operation {
        Operation(
            .get,
            "/v1/models/{model}",
            "getModel",
            .openAI,
            "An agent as a model",
            parameters: [.path("model", "An agent's name, or `auto`", example: AgentRegistry.automatic)],
            responses: [.json("The model", Schema.reference("Model"), example: .object(sampleModel))],
            errors: [.modelNotFound("gpt-4"), .notFound("Not Found"), .rateLimitExceeded(retryAfter: 1)]
        )
    }

    private var completeChat: Operation {
        Operation(
            .post,
            "/v1/chat/completions",
            "createChatCompletion",
            .openAI,
            "Ask an agent, in OpenAI's form",
            description: """
                Without `metadata.session_id` the messages are all that the agent knows, and nothing is stored: the answer ends \
                when a streaming client leaves. With it, `user` must be the session's owner, and the question is that of a \
                `POST /api/chat/message`. The last message that is no instruction must be the user's: it is the question. \
                Members that are not named here are ignored; an `Authorization` field is not looked at. A stream whose head is \
                out ends with an error in place of a chunk, without `[DONE]`.
                """,
            body: .init(schema: request, examples: Self.requests),
            responses: [
                .init(
                    status: .ok,
                    description: "The answer; with `\"stream\": true` its chunks",
                    contents: [
                        .init(
                            type: "application/json",
                            schema: Schema.reference("Completion"),
                            examples: [.init("whole", "The whole answer", Self.completion)]
                        ),
                        .init(
                            type: "text/event-stream",
                            schema: Schema.reference("CompletionServerSentEvent"),
                            examples: [.init("streamed", "The chunks of it", .string(Sample.completionStream))]
                        ),
                    ]
                )
            ],
            errors: Self.errors
        )
    }

    private var request: JSONObject {
        let sampling = CompletionRequest.parameterRules.map { Field.optional($0.name, $0.rule) }
        let unsupported = CompletionRequest.unsupported.map {
            Field.optional($0.name, $0.rule, "Refused, but for what happens anyway")
        }
        return Schema.object(
            [
                .required("model", .identifier, "An agent's name, or `auto`"),
                .required("messages", .messages),
                .optional("stream", .bool, "Whether the answer comes in chunks"),
                .optional("stream_options", .includesUsage, "Whether a chunk at the end tells the usage"),
                .optional("user", .identifier, "Whose rate and streams the question counts among"),
                .optional("metadata", .sessionID, "The session in which to ask"),
            ] + sampling + unsupported
        )
    }

    private static let requests: [Operation.Example] = [
        .init(
            "stateless",
            "Without a session",
            ["model": "auto", "messages": [["role": "user", "content": .string(Sample.question)]]]
        ),
        .init(
            "streamed",
            "In a session, streamed",
            [
                "model": "auto", "stream": true, "stream_options": ["include_usage": true], "user": "ada",
                "metadata": ["session_id": .string(Sample.sessionID)],
                "messages": [
                    ["role": "system", "content": "Be brief."], ["role": "user", "content": .string(Sample.question)],
                ],
            ]
        ),
    ]

    private static let completion: JSONValue = {
        guard let json = try? Sample.completion.whole() else { preconditionFailure("The sample has an answer") }
        return .object(json)
    }()

    /// How an answer that is not streamed may fail.
    private static let failedAnswers: [APIError] =
        ([
            .failed(code: AgentError.Code.rejected.rawValue, message: "The model does not take this question"),
            .failed(
                code: AgentError.Code.rateLimited.rawValue,
                message: "The model takes no more questions for now. Please try again.",
                retryAfter: 5
            ),
            .failed(
                code: AgentError.Code.protocolViolation.rawValue,
                message: "The model's answer could not be understood"
            ),
            .failed(
                code: AgentError.Code.unavailable.rawValue,
                message: "The model cannot be reached. Please try again."
            ),
            .failed(
                code: AgentError.Code.timeout.rawValue,
                message: "The model said nothing for too long. Please try again."
            ),
            .interrupted,
        ] as [ReplyEnd]).compactMap(\.apiError)

    private static let errors: [APIError] =
        [
            .modelNotFound("gpt-4"), .sessionNotFound, .roomNotFound, .accessDenied("session"),
            APIError(.sessionBusy(streamID: Sample.streamID)), .rateLimitExceeded(retryAfter: 3),
            APIError(.userLimitReached(limit: 5)), .storeUnavailable, APIError(.overloaded), APIError(.shuttingDown),
        ] + failedAnswers
}
