import Agents
import HTTPServer
import Primitives

extension ChatRoutes {
    var operations: [Operation] {
        [
            ask(at: "/api/chat/message", "ask"), watch(at: "/api/chat/message", "watch"),
            ask(at: "/api/chat/stream", "askStream"), watch(at: "/api/chat/stream", "watchStream"),
        ]
    }

    private static let aboutStreams = """
        Each event has an id, `<stream_id>:<sequence>`, and JSON as its data. Its `status` is `started`, then `streaming`… (among \
        them, where a model has such, `reasoning` and `tool_call`), and in the end exactly one of `complete`, `cancelled`, \
        `error`, `interrupted`. `reset` comes in place of events that are no longer held: sequences jump, but always grow. The \
        stream begins with `retry:`, and a comment line comes at least every 15 s.
        """

    private static let streamHeaders = [
        Field("Cache-Control", Schema.constant("no-cache, no-transform")),
        Field("X-Accel-Buffering", Schema.constant("no")),
    ]

    /// Empty means `auto`, as with all optional names.
    private var agentTypes: JSONObject {
        Schema.string(oneOf: [AgentRegistry.automatic] + chat.agents.agents.map(\.name) + [""])
            .with("default", .string(AgentRegistry.automatic))
    }

    private static let aboutAgents =
        "Who is to answer; `auto`: the room's `initial_agent`, or who answered last, or the default"

    /// Where there are several agents, which of them answers decides what the context may hold.
    private var contextSchema: JSONObject {
        chat.agents.agents.count == 1 ? chat.agents.defaultAgent.contextSchema : Schema.anyObject
    }

    private static func streamContent(_ whole: String) -> Operation.Content {
        Operation.Content(
            type: "text/event-stream",
            schema: Schema.reference("ChatServerSentEvent"),
            examples: [
                .init("complete", "A whole answer", .string(whole)),
                .init("cancelled", "One that was stopped", .string(Sample.stream(endingAs: .cancelled))),
                .init(
                    "error",
                    "One that failed",
                    .string(
                        Sample.stream(
                            endingAs: .failed(
                                code: AgentError.Code.unavailable.rawValue,
                                message: "The model cannot be reached. Please try again.",
                                retryAfter: 5
                            )
                        )
                    )
                ),
                .init("interrupted", "The service ended", .string(Sample.stream(endingAs: .interrupted))),
            ]
        )
    }

    private static let errors: [APIError] = [
        .accessDenied("session"), .sessionNotFound, .roomNotFound, ChatService.roomMismatch,
        APIError(.sessionBusy(streamID: Sample.streamID)),
        .messageIDUsed,
        .rateLimitExceeded(retryAfter: 3), APIError(.userLimitReached(limit: 5)),
        .storeUnavailable, APIError(.overloaded), APIError(.shuttingDown),
    ]

    // MARK: POST

    private func ask(at path: String, _ id: String) -> Operation {
        Operation(
            .post,
            path,
            id,
            .chat,
            path == "/api/chat/message" ? "Ask" : "Ask: another name of /api/chat/message",
            description: """
                The answer is an event stream, or, with `Accept: application/json`, a 202 at once, for clients that listen \
                elsewhere. A client that leaves does not stop the answer. The same `message_id` in the same session is the same \
                question: it joins the running stream, or gets the answer that there already is. \(Self.aboutStreams) After \
                the end comes `data: [DONE]`.
                """,
            body: .init(schema: question, examples: Self.questions),
            responses: [
                .init(
                    status: .ok,
                    description: "The stream",
                    contents: [Self.streamContent(Sample.streamWithDone)],
                    headers: Self.streamHeaders
                ),
                .envelope(
                    "Message accepted",
                    Schema.object([
                        Field("stream_id", Schema.string),
                        Field("session_id", Schema.string),
                        Field("status", Schema.string(oneOf: ["streaming", "ended"])),
                    ]),
                    status: .accepted,
                    example: [
                        "stream_id": .string(Sample.streamID), "session_id": .string(Sample.sessionID),
                        "status": "streaming",
                    ]
                ),
            ],
            errors: Self.errors + [.notAcceptable]
        )
    }

    private var question: JSONObject {
        let schema = Schema.object([
            .optional("query", .question, "What is asked"),
            Field("message", [:], Self.aboutMessage, isRequired: false),
            .required("session_id", .identifier, "The session"),
            .optional("room_id", .identifier, "Where given, must be the session's room"),
            .optional("user_id", .userID, "Where given, must be the session's user"),
            Field("agent_type", agentTypes.nullable, Self.aboutAgents, isRequired: false),
            .optional("user_profile", .object, "What the agent may know of the user"),
            Field("context", contextSchema.nullable, "What else the agent may know", isRequired: false),
            .optional("message_id", .identifier, "The client's own name for the question"),
        ])
        return schema.with(
            "anyOf",
            [
                // Without a type: ReDoc complains of one that differs from that of the member above.
                .object(
                    Schema.object([Field("query", ["not": .object(Schema.constant(.null))])]).with("title", "query")
                ),
                .object(
                    Schema.object([
                        Field("query", Schema.constant(.null), isRequired: false), .required("message", .question),
                    ]).with("title", "message")
                ),
            ]
        )
    }

    private static let aboutMessage = "Another name of `query`, which counts where that is missing or null"

    private static let questions: [Operation.Example] = [
        .init(
            "question",
            "All that there must be",
            ["session_id": .string(Sample.sessionID), "query": .string(Sample.question)]
        ),
        .init(
            "all",
            "With all that may be told",
            [
                "session_id": .string(Sample.sessionID), "query": .string(Sample.question),
                "room_id": .string(Sample.roomID), "user_id": "ada", "agent_type": "auto",
                "user_profile": ["language": "en"], "context": ["page": "help"], "message_id": "message-1",
            ]
        ),
    ]

    // MARK: GET

    private func watch(at path: String, _ id: String) -> Operation {
        var stream = Self.streamContent(Sample.stream)
        let failure = EventStreamResponse.passingFailure(APIError(.overloaded), retryMilliseconds: 3_217)
        if case .bytes(let bytes) = failure.body {
            let text = JSONValue.string(String(decoding: bytes, as: UTF8.self))
            stream.examples.append(.init("not_now", "A failure that passes", text))
        }
        return Operation(
            .get,
            path,
            id,
            .chat,
            path == "/api/chat/message"
                ? "Ask or watch, by EventSource" : "Watch: another name of /api/chat/message",
            description: """
                An `EventSource` reconnects by itself, so that a `GET` never answers a question twice. With an event's id \
                (`Last-Event-ID` or `last_event_id`) it gets the rest of that stream. With `query` it gets a new stream; the same \
                `message_id`, or the same query while that stream runs, joins the running one. With neither it gets the \
                session's running stream from its start, and then each later one, until the session ends or the client leaves. \
                \(Self.aboutStreams) There is no `[DONE]`.
                """,
            parameters: watchParameters,
            responses: [
                .init(status: .ok, description: "The stream", contents: [stream], headers: Self.streamHeaders),
                .init(status: .noContent, description: "Nothing is left of it, which stops the reconnecting"),
            ],
            errors: Self.errors + [ChatService.streamNotFound]
        )
    }

    private var watchParameters: [Operation.Parameter] {
        [
            .header(
                "Last-Event-ID",
                Schema.string,
                "The id of the last event that the client has, as `\(Self.eventID)`"
            ),
            .optional("last_event_id", .text, "The same, for clients that cannot set it"),
            .required("session_id", .identifier, "The session", example: .string(Sample.sessionID)),
            .optional("query", .question, "What is asked", example: .string(Sample.question)),
            .optional("message", .text, Self.aboutMessage),
            .optional("room_id", .identifier, "Where given, must be the session's room"),
            .optional("user_id", .userID, "Where given, must be the session's user"),
            Operation.Parameter(
                place: .query,
                field: Field("agent_type", agentTypes, Self.aboutAgents, isRequired: false)
            ),
            .json("user_profile", Schema.anyObject, "What the agent may know of the user"),
            .json("context", contextSchema, "What else the agent may know"),
            .optional("message_id", .identifier, "The client's own name for the question"),
        ]
    }

    private static let eventID = "\(Sample.streamID):2"
}

extension Rule where Value == String {
    /// Any text: what may be wrong with it depends on other parameters.
    fileprivate static var text: Rule { Rule(placeholder: "", schema: { Schema.string }) { $0.stringValue ?? "" } }
}
