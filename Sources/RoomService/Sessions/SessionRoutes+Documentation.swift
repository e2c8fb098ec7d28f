import HTTPServer
import Primitives

extension SessionRoutes {
    var operations: [Operation] {
        [createSession, showSession, resetSession, stopSession, deleteSessionHistory, deleteSession]
    }

    private static let id = Operation.Parameter.path("id", "The session's id", example: Sample.sessionID)
    private static let sessionID = JSONValue.string(Sample.sessionID)
    private static let roomID = JSONValue.string(Sample.roomID)

    /// What can be done with a session that has just been made.
    private static let links: [Operation.Link] =
        [
            .init(
                name: "ask",
                operationID: "ask",
                body: ["session_id": "{$response.body#/data/session_id}", "query": .string(Sample.question)]
            ),
            .init(
                name: "watch",
                operationID: "watch",
                parameters: [("session_id", "$response.body#/data/session_id"), ("query", Sample.question)]
            ),
            .init(
                name: "deleteHistory",
                operationID: "deleteSessionHistory",
                parameters: [
                    ("id", "$response.body#/data/session_id"), ("room_id", "$response.body#/data/room_id"),
                ]
            ),
        ]
        + ["getSession", "resetSession", "stop", "deleteSession"].map {
            .init(name: $0, operationID: $0, parameters: [("id", "$response.body#/data/session_id")])
        }

    private var createSession: Operation {
        Operation(
            .post,
            "/api/session/create",
            "createSession",
            .sessions,
            "Begin a session",
            description: "In a room of the user, or, without one, in a new room. It ends after "
                + "\(sessions.timeout.wholeMilliseconds / 60_000) minutes; idle for "
                + "\(sessions.idleTime.wholeMilliseconds / 60_000) minutes, it loses its context.",
            body: .init(
                schema: Schema.object([
                    .required("user_id", .userID, "Whose session it becomes"),
                    .optional("room_id", .identifier, "A room of that user; empty or left out: a new one"),
                ]),
                examples: [
                    .init("newRoom", "In a new room", ["user_id": "ada"]),
                    .init("inRoom", "In a room that there is", ["user_id": "ada", "room_id": Self.roomID]),
                ]
            ),
            responses: [
                .envelope(
                    "Session created successfully",
                    Schema.reference("Session"),
                    status: .created,
                    example: Sample.session.json,
                    links: Self.links
                )
            ],
            errors: [
                .roomLimitExceeded(sessions.roomLimit), .accessDenied("room"), .roomNotFound,
                .rateLimitExceeded(retryAfter: 12), .storeUnavailable,
            ]
        )
    }

    private var showSession: Operation {
        let activeStream = Schema.object([
            Field("stream_id", Schema.string),
            Field("status", Schema.string(oneOf: ["streaming", "stopping"])),
            Field("started_at", Schema.timestamp),
        ])
        let schema = Schema.object(
            DocumentSchemas.sessionFields + [
                Field("last_activity", Schema.timestamp),
                Field("active_agent", Schema.string.nullable, "Who answered last"),
                Field("conversation_count", Schema.count, "How many conversations the agents see"),
                Field("active_stream", activeStream.nullable, "The answer that is being made"),
            ]
        )
        var example = Sample.session.json
        example["last_activity"] = JSONValue(Sample.session.lastActivity)
        example["active_agent"] = JSONValue(Sample.session.activeAgent)
        example["conversation_count"] = 1
        example["active_stream"] = [
            "stream_id": .string(Sample.streamID), "status": "streaming", "started_at": JSONValue(Sample.time),
        ]
        return Operation(
            .get,
            "/api/session/{id}",
            "getSession",
            .sessions,
            "A session, and the stream that runs in it",
            parameters: [Self.id],
            responses: [.envelope("Session retrieved successfully", schema, example: example)],
            errors: [.sessionNotFound, .rateLimitExceeded(retryAfter: 1), .storeUnavailable]
        )
    }

    private var resetSession: Operation {
        Operation(
            .post,
            "/api/session/{id}/reset",
            "resetSession",
            .sessions,
            "Let the agents forget what was said",
            description: "The stored history stays.",
            parameters: [Self.id],
            body: .init(
                schema: Schema.object([
                    .optional("agent_type", .identifier, "Only that agent forgets; empty or left out: all of them")
                ]).nullable,
                isRequired: false,
                examples: [.init("all", "All agents", [:]), .init("one", "One agent", ["agent_type": "assistant"])]
            ),
            responses: [
                .envelope(
                    "Session reset successfully",
                    Schema.object([
                        Field("session_id", Schema.string),
                        Field("reset_scope", Schema.string, "The agent, or `all`"),
                        Field("conversations_cleared", Schema.count),
                    ]),
                    example: ["session_id": Self.sessionID, "reset_scope": "assistant", "conversations_cleared": 1]
                )
            ],
            errors: [.sessionNotFound, .rateLimitExceeded(retryAfter: 12), .storeUnavailable]
        )
    }

    private var stopSession: Operation {
        let schema = Schema.object([
            Field("session_id", Schema.string),
            Field("room_id", Schema.string),
            Field("status", Schema.string(oneOf: ["stop_requested", "not_found"])),
            Field("stream_id", Schema.string.nullable),
            Field("partial_response", Schema.string.nullable, "All that was shown of the answer"),
            Field(
                "delivered",
                Schema.bool,
                "False: another instance makes the answer and has not acknowledged; it stops within about two seconds",
                isRequired: false
            ),
        ])
        return Operation(
            .post,
            "/api/session/{id}/stop",
            "stop",
            .sessions,
            "Stop the answer that is being made",
            description: """
                When this has answered, no client receives another `streaming` event of that stream, the text so far is stored \
                as `cancelled`, and the next question may be asked. With nothing to stop, `status` is `not_found`, \
                `stream_id` and `partial_response` are null.
                """,
            parameters: [Self.id],
            body: .init(
                schema: Schema.object([
                    .optional("stream_id", .identifier, "Stops that stream only, never the session's next one")
                ]).nullable,
                isRequired: false,
                examples: [
                    .init("any", "Whatever runs", [:]),
                    .init("one", "That stream only", ["stream_id": .string(Sample.streamID)]),
                ]
            ),
            responses: [
                .envelope(
                    "Stream stop requested",
                    schema,
                    example: [
                        "session_id": Self.sessionID, "room_id": Self.roomID, "status": "stop_requested",
                        "stream_id": .string(Sample.streamID), "partial_response": "A room keeps", "delivered": true,
                    ]
                )
            ],
            errors: [.sessionNotFound, .storeUnavailable]
        )
    }

    private var deleteSessionHistory: Operation {
        Operation(
            .delete,
            "/api/session/{id}/history",
            "deleteSessionHistory",
            .sessions,
            "Delete what was said in a session",
            description: "A running answer stays.",
            parameters: [
                Self.id, .required("room_id", .identifier, "The session's room", example: Self.roomID),
            ],
            responses: [
                .envelope(
                    "Session history deleted successfully",
                    Schema.object([
                        Field("session_id", Schema.string), Field("room_id", Schema.string),
                        Field("conversations_deleted", Schema.count),
                    ]),
                    example: ["session_id": Self.sessionID, "room_id": Self.roomID, "conversations_deleted": 1]
                )
            ],
            errors: [
                .sessionNotFound, ChatService.roomMismatch, .rateLimitExceeded(retryAfter: 12), .storeUnavailable,
            ]
        )
    }

    private var deleteSession: Operation {
        Operation(
            .delete,
            "/api/session/{id}",
            "deleteSession",
            .sessions,
            "End a session",
            description: "Its stream is stopped, its stored history kept.",
            parameters: [Self.id],
            responses: [
                .envelope(
                    "Session deleted successfully",
                    Schema.object([Field("session_id", Schema.string), Field("status", Schema.constant("deleted"))]),
                    example: ["session_id": Self.sessionID, "status": "deleted"]
                )
            ],
            errors: [.sessionNotFound, .rateLimitExceeded(retryAfter: 12), .storeUnavailable]
        )
    }
}
