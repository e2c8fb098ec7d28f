import Primitives

/// The forms of OpenAI's API, as far as this service speaks them.
enum CompletionSchemas {
    static let all: [(name: String, schema: JSONObject)] = [
        ("CompletionMessage", message),
        ("Completion", completion),
        ("CompletionChunk", chunk),
        ("CompletionServerSentEvent", ChatEventSchemas.serverSentEvent(chunkOrError)),
        ("Usage", usage),
        ("Model", model),
        ("OpenAIError", error),
    ]

    private static let message: JSONObject = {
        let part = Schema.object([Field("type", Schema.constant("text")), Field("text", Schema.string)])
        let content = Schema.any(of: [Schema.string, Schema.array(of: part), ["type": "null"]])
        return Schema.object([
            Field("role", Schema.string(oneOf: CompletionMessage.Role.allCases.map(\.rawValue))),
            Field(
                "content",
                content,
                "A text, or parts that are texts. Only the assistant's may be missing or null.",
                isRequired: false
            ),
        ])
    }()

    private static let common = [
        Field("id", Schema.string, "The stream's, with `chatcmpl-` for `stream_`"),
        Field("created", Schema.count, "In seconds since 1970"),
        Field("model", Schema.string, "The agent that answers"),
    ]

    private static let finishReason = Field("finish_reason", Schema.string, "`stop`, `length`, …")

    private static let completion = Schema.object(
        [Field("object", Schema.constant("chat.completion"))] + common + [
            Field("choices", Schema.array(of: choice).with("minItems", 1).with("maxItems", 1)),
            Field("usage", Schema.reference("Usage").nullable, "Null where the agent tells nothing"),
        ]
    )

    private static let choice = Schema.object([
        Field("index", Schema.constant(0)),
        Field(
            "message",
            Schema.object([
                Field("role", Schema.constant("assistant")), Field("content", Schema.string),
                Field("refusal", ["type": "null"]),
            ])
        ),
        Field("logprobs", ["type": "null"]),
        finishReason,
    ])

    private static let chunk = Schema.object(
        [Field("object", Schema.constant("chat.completion.chunk"))] + common + [
            Field(
                "choices",
                Schema.array(of: chunkChoice).with("maxItems", 1),
                "Empty where the chunk tells the usage"
            ),
            Field(
                "usage",
                Schema.reference("Usage").nullable,
                "With `stream_options.include_usage`; null in all chunks but the last",
                isRequired: false
            ),
        ]
    )

    private static let chunkChoice = Schema.object([
        Field("index", Schema.constant(0)),
        Field(
            "delta",
            Schema.object([
                Field("role", Schema.constant("assistant"), isRequired: false),
                Field("content", Schema.string, isRequired: false),
                Field("refusal", ["type": "null"], isRequired: false),
            ])
        ),
        Field("logprobs", ["type": "null"]),
        Field("finish_reason", Schema.string.nullable),
    ])

    /// A stream whose head is out ends with an error in place of a chunk.
    private static let chunkOrError = Schema.any(of: [
        Schema.reference("CompletionChunk"), Schema.reference("OpenAIError"),
    ])

    private static let usage = Schema.object([
        Field("prompt_tokens", Schema.count), Field("completion_tokens", Schema.count),
        Field("total_tokens", Schema.count),
    ])

    private static let model = Schema.object([
        Field("id", Schema.string),
        Field("object", Schema.constant("model")),
        Field("created", Schema.count, "The service's start, in seconds since 1970"),
        Field("owned_by", Schema.string),
    ])

    private static let error = Schema.object([
        Field(
            "error",
            Schema.object([
                Field("message", Schema.string),
                Field(
                    "type",
                    Schema.string(oneOf: [
                        "invalid_request_error", "permission_error", "rate_limit_error", "server_error",
                    ])
                ),
                Field("param", Schema.string.nullable, "The member that is at fault"),
                Field("code", Schema.string),
            ])
        )
    ])
}
