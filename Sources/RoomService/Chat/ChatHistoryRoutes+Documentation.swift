import HTTPServer
import Primitives

extension ChatHistoryRoutes {
    var operations: [Operation] {
        [aboutChat, ofUser, ofAgent, ofRoom, deprecatedRooms, deprecatedSession]
    }

    private static let limit = RoomRoutes.limit(PageLimits.conversations)
    private static let reads: [APIError] = [.rateLimitExceeded(retryAfter: 1), .storeUnavailable]

    private static func history(_ description: String, _ others: [Field] = [], _ example: JSONObject = [:])
        -> Operation.Response
    {
        var example = example
        example["count"] = 1
        example["conversations"] = [.object(Sample.conversation.json)]
        let schema = Schema.object(
            others + [
                Field("count", Schema.count),
                Field("conversations", Schema.array(of: Schema.reference("Conversation"))),
            ]
        )
        return .json(description, schema, example: .object(example))
    }

    private var aboutChat: Operation {
        let agent = Schema.object([Field("agent_type", Schema.string), Field("description", Schema.string)])
        return Operation(
            .get,
            "/api/chat/info",
            "getChatInfo",
            .chat,
            "The agents, and what events there are",
            responses: [
                .json(
                    "What there is",
                    Schema.object([
                        Field("service", Schema.string),
                        Field("version", Schema.string),
                        Field("agents", Schema.array(of: agent)),
                        Field("default_agent", Schema.string),
                        Field("streaming", Schema.constant("text/event-stream")),
                        Field("statuses", Schema.array(of: Schema.string(oneOf: ChatEventSchemas.statuses))),
                    ]),
                    example: .object(information)
                )
            ]
        )
    }

    private var ofUser: Operation {
        Operation(
            .get,
            "/api/chat/history",
            "getUserHistory",
            .histories,
            "A user's newest conversations, oldest first",
            parameters: [RoomRoutes.owner, Self.limit],
            responses: [Self.history("The conversations")],
            errors: Self.reads
        )
    }

    private var ofAgent: Operation {
        Operation(
            .get,
            "/api/chat/history/{agent_type}",
            "getAgentHistory",
            .histories,
            "A user's or a session's newest conversations with an agent, oldest first",
            description:
                "One of `user_id` and `session_id` must be there; with both, the conversations that both mean.",
            parameters: [
                .init(
                    place: .path,
                    field: Field(
                        "agent_type",
                        Schema.string.with("minLength", 1),
                        "The agent; one that is unknown has none"
                    ),
                    example: .string(Sample.agent)
                ),
                .optional("user_id", .userID, "Whose they are", example: "ada"),
                .optional("session_id", .identifier, "The session"),
                Self.limit,
            ],
            responses: [
                Self.history(
                    "The conversations",
                    [Field("agent_type", Schema.string)],
                    ["agent_type": .string(Sample.agent)]
                )
            ],
            errors: [.notFound("Not Found")] + Self.reads
        )
    }

    private var ofRoom: Operation {
        Operation(
            .get,
            "/api/chat/rooms/{room_id}/history",
            "getChatRoomHistory",
            .histories,
            "A room's newest conversations, oldest first",
            parameters: [.path("room_id", "The room's id", example: Sample.roomID), Self.limit],
            responses: [
                Self.history(
                    "The conversations",
                    [Field("room_id", Schema.string)],
                    ["room_id": .string(Sample.roomID)]
                )
            ],
            errors: [.roomNotFound] + Self.reads
        )
    }

    // MARK: Deprecated

    private static func deprecation(successor: String) -> [Field] {
        [
            Field("Deprecation", Schema.constant("true")),
            Field("Link", Schema.constant(.string("<\(successor)>; rel=\"successor-version\""))),
        ]
    }

    private var deprecatedRooms: Operation {
        Operation(
            .get,
            "/api/chat/rooms",
            "listChatRooms",
            .histories,
            "A user's rooms: use GET /api/rooms",
            isDeprecated: true,
            parameters: [RoomRoutes.owner],
            responses: [
                .json(
                    "The rooms",
                    Schema.object([
                        Field("user_id", Schema.string),
                        Field("rooms", Schema.array(of: Schema.reference("RoomSummary"))),
                        Field("count", Schema.count),
                    ]),
                    example: [
                        "user_id": "ada", "rooms": .array(Sample.rooms.elements.map { .object($0.json) }), "count": 1,
                    ],
                    headers: Self.deprecation(successor: "/api/rooms")
                )
            ],
            errors: Self.reads
        )
    }

    private var deprecatedSession: Operation {
        Operation(
            .post,
            "/api/chat/session/create",
            "createChatSession",
            .histories,
            "Begin a session in a new room: use POST /api/session/create",
            description: "The user is named by the body or, where there is none, by the query.",
            isDeprecated: true,
            parameters: [.optional("user_id", .userID, "Whose session it becomes, where there is no body")],
            body: .init(
                schema: Schema.object([.required("user_id", .userID, "Whose session it becomes")]),
                isRequired: false,
                examples: [.init("user", "All that there must be", ["user_id": "ada"])]
            ),
            responses: [
                .json(
                    "The session",
                    Schema.object([
                        Field("session_id", Schema.string),
                        Field("user_id", Schema.string),
                        Field("status", Schema.constant("created")),
                        Field("created_at", Schema.timestamp),
                    ]),
                    example: [
                        "session_id": .string(Sample.sessionID), "user_id": "ada", "status": "created",
                        "created_at": JSONValue(Sample.session.createdAt),
                    ],
                    headers: Self.deprecation(successor: "/api/session/create")
                )
            ],
            errors: [
                .roomLimitExceeded(sessions.roomLimit), .rateLimitExceeded(retryAfter: 12), .storeUnavailable,
            ]
        )
    }
}
