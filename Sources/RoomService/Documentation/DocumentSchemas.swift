import Primitives
import Storage

/// The document's `components/schemas`: what several routes answer or take.
enum DocumentSchemas {
    static var all: JSONObject {
        let named: [(name: String, schema: JSONObject)] =
            [
                ("Room", room), ("RoomSummary", roomSummary), ("LastMessage", lastMessage), ("Session", session),
                ("Conversation", conversation), ("Error", error), ("ValidationError", validationError),
            ] + ChatEventSchemas.all + CompletionSchemas.all
        return JSONObject(named.map { .init(key: $0.name, value: .object($0.schema)) })
    }

    // MARK: Rooms and sessions

    private static let roomFields = [
        Field("room_id", Schema.string),
        Field("user_id", Schema.string, "Its owner"),
        Field("room_name", Schema.string),
        Field("created_at", Schema.timestamp),
        Field("last_activity", Schema.timestamp),
        Field("updated_at", Schema.timestamp, "When its name or metadata were changed", isRequired: false),
        Field("message_count", Schema.count, "Its conversations: questions with their answers"),
        Field("metadata", Schema.anyObject, "What the client has stored with it; `initial_agent` names who answers"),
    ]

    private static let room = Schema.object(roomFields)

    private static let roomSummary = Schema.object(
        roomFields + [Field("last_message", Schema.reference("LastMessage").nullable)]
    )

    private static let lastMessage = Schema.object([
        Field("user_input", Schema.string),
        Field("agent_response", Schema.string, "Its first characters, and `...` where there are more"),
        Field("agent_type", Schema.string),
        Field("timestamp", Schema.timestamp),
    ])

    static let sessionFields = [
        Field("session_id", Schema.string),
        Field("user_id", Schema.string),
        Field("room_id", Schema.string),
        Field("created_at", Schema.timestamp),
        Field("expires_at", Schema.timestamp),
    ]

    private static let session = Schema.object(sessionFields)

    private static let conversation = Schema.object([
        Field("conversation_id", Schema.string),
        Field("timestamp", Schema.timestamp),
        Field("user_input", Schema.string),
        Field("agent_response", Schema.string, "While it is made, what has been shown of it"),
        Field("agent_type", Schema.string),
        Field("session_id", Schema.string),
        Field("room_id", Schema.string),
        Field("status", Schema.string(oneOf: Conversation.Status.allCases.map(\.rawValue))),
        Field("metadata", conversationMetadata),
    ])

    private static let conversationMetadata = Schema.object([
        Field("response_time_ms", Schema.count, "From the question to the answer's end", isRequired: false),
        Field("first_token_ms", Schema.count, "From the question to the first of its text", isRequired: false),
        Field("chunks", Schema.count, "`streaming` events", isRequired: false),
        Field("other_events", Schema.count, "Those of tools and reasoning", isRequired: false),
    ]).described("And what the agent tells: `model`, `tokens_used`, …; that of a failed one `error` and `error_code`")

    // MARK: Errors

    private static let errorFields = [
        Field("success", Schema.constant(false)),
        Field("error", Schema.string, "What was wrong, for people"),
        Field("error_code", Schema.string, "What was wrong, for programs: it does not change"),
        Field("path", Schema.string),
        Field("timestamp", Schema.timestamp),
        Field("request_id", Schema.string, "As in `X-Request-ID`"),
        Field("data", Schema.anyObject, "`STREAM_ACTIVE` names the `stream_id`", isRequired: false),
    ]

    private static let error = Schema.object(
        errorFields + [Field("detail", Schema.string, "The same text as `error`")]
    )

    private static let validationError = Schema.object(
        errorFields + [
            Field(
                "detail",
                Schema.array(
                    of: Schema.object([
                        Field("type", Schema.string),
                        Field("loc", Schema.array(of: Schema.string)),
                        Field("msg", Schema.string),
                        Field("input", [:], "What was sent; left out where it is more than 2 KiB", isRequired: false),
                    ])
                ).with("minItems", 1)
            ),
            Field(
                "details",
                Schema.array(
                    of: Schema.object([
                        Field("field", Schema.string, "As `body.user_id`"),
                        Field("message", Schema.string),
                        Field("type", Schema.string),
                    ])
                ).with("minItems", 1),
                "The same in another form"
            ),
        ]
    )

    /// The members that every list of pages has, and the list.
    static func page(of elements: Field, _ others: [Field] = []) -> JSONObject {
        Schema.object(
            others + [
                elements,
                Field("total", Schema.count),
                Field("page", Schema.integer(1...Int.max)),
                Field("page_size", Schema.integer(1...Int.max)),
                Field("has_more", Schema.bool),
            ]
        )
    }
}

/// The events of answers.
enum ChatEventSchemas {
    static let all: [(name: String, schema: JSONObject)] =
        events.map { (name: $0.name, schema: $0.schema) } + [
            ("ChatEvent", ["oneOf": .array(events.map { .object(Schema.reference($0.name)) })]),
            ("ChatServerSentEvent", serverSentEvent(Schema.reference("ChatEvent"))),
        ]

    /// All statuses that events have, in the order in which they come.
    static let statuses = events.dropLast().map(\.status)

    private static let content = Field("content", Schema.string, "All of the answer so far")

    private static let events: [(name: String, status: String, schema: JSONObject)] = [
        event("Started", "started", "Sequence 0, before the agent has said anything."),
        event("Streaming", "streaming", "A piece of the answer.", [Field("content", Schema.string)]),
        event(
            "Reasoning",
            "reasoning",
            "What a model thinks; no part of the answer.",
            [Field("reasoning", Schema.string)]
        ),
        event("ToolCall", "tool_call", "A part of a call of a tool.", [Field("tool_call", Schema.anyObject)]),
        event("Reset", "reset", "In place of events that are no longer held: it replaces what came before.", [content]),
        event(
            "Complete",
            "complete",
            "The end of an answer.",
            [
                Field("content", Schema.string, "The whole answer"),
                Field(
                    "finish_reason",
                    Schema.string,
                    "Why there is no more, where not all is said: `length`, …",
                    isRequired: false
                ),
            ]
        ),
        event("Cancelled", "cancelled", "It was stopped.", [Field("message", Schema.string), content]),
        event(
            "Failed",
            "error",
            "The agent failed.",
            [
                Field("error", Schema.string), Field("error_code", Schema.string), content,
                Field("retry_after", Schema.count, "In seconds, where that is known", isRequired: false),
            ]
        ),
        event("Interrupted", "interrupted", "The service ended.", [Field("message", Schema.string), content]),
        (
            "ChatEvent.NotNow", "error",
            Schema.object([
                Field("status", Schema.constant("error")),
                Field("error", Schema.string), Field("error_code", Schema.string),
                Field("retry_after_ms", Schema.count),
            ]).described("Instead of a stream, for an `EventSource`: a failure that passes (429, 503). It has no id.")
        ),
    ]

    private static func event(
        _ name: String,
        _ status: String,
        _ description: String,
        _ fields: [Field] = []
    ) -> (name: String, status: String, schema: JSONObject) {
        let all =
            [Field("status", Schema.constant(.string(status)))] + fields + [
                Field("agent_type", Schema.string), Field("stream_id", Schema.string),
            ]
        return ("ChatEvent.\(name)", status, Schema.object(all).described(description))
    }

    /// An event as its lines say it (WHATWG HTML, section 9.2), with JSON as its data. OpenAPI 3.1 has no word for streams: by
    /// convention the schema of a `text/event-stream` is that of each event, as `itemSchema` of OpenAPI 3.2 is.
    static func serverSentEvent(_ data: JSONObject) -> JSONObject {
        let json = Schema.string.with("contentMediaType", "application/json").with("contentSchema", .object(data))
        let done = Schema.constant("[DONE]").described("The end of the stream, where it is a `POST`'s")
        return Schema.object([
            Field("id", Schema.string(matching: "^.+:[0-9]+$"), "`<stream_id>:<sequence>`", isRequired: false),
            Field("retry", Schema.count, "In milliseconds", isRequired: false),
            Field("data", Schema.any(of: [done, json]), isRequired: false),
        ])
    }
}
