import HTTPServer
import Primitives

extension RoomRoutes {
    var operations: [Operation] { [createRoom, listRooms, showRoom, updateRoom, deleteRoom, roomHistory] }

    private static let roomID = Operation.Parameter.path("room_id", "The room's id", example: Sample.roomID)
    static let owner = Operation.Parameter.required("user_id", .userID, "Whose it is", example: "ada")
    private static let room = Schema.reference("Room")

    static let offset = Operation.Parameter.optional(
        "offset",
        Rule.integerText(QueryReader.offsetRange),
        "How many are left out before the page",
        default: 0
    )

    static func limit(_ range: ClosedRange<Int>) -> Operation.Parameter {
        .optional(
            "limit",
            Rule.integerText(range),
            "The size of the page",
            default: .integer(Int64(PageLimits.standard))
        )
    }

    /// What can be done with a room that has just been made.
    private static let links: [Operation.Link] = [
        .init(name: "room", operationID: "getRoom", parameters: [("room_id", "$response.body#/data/room_id")]),
        .init(
            name: "history",
            operationID: "getRoomHistory",
            parameters: [("room_id", "$response.body#/data/room_id")]
        ),
        .init(
            name: "update",
            operationID: "updateRoom",
            parameters: [
                ("room_id", "$response.body#/data/room_id"), ("user_id", "$response.body#/data/user_id"),
            ]
        ),
        .init(
            name: "delete",
            operationID: "deleteRoom",
            parameters: [
                ("room_id", "$response.body#/data/room_id"), ("user_id", "$response.body#/data/user_id"),
            ]
        ),
    ]

    private var createRoom: Operation {
        Operation(
            .post,
            "/api/rooms",
            "createRoom",
            .rooms,
            "Make a room",
            description: "Without a name it is called `Chat YYYY-MM-DD HH:MM`, after the minute (UTC).",
            body: .init(
                schema: Schema.object([
                    .required("user_id", .userID, "Whose room it becomes"),
                    .optional("room_name", .roomName, Self.aboutNames),
                    .optional("metadata", .metadata, Self.aboutMetadata),
                ]),
                examples: [
                    .init(
                        "named",
                        "A room with a name and metadata",
                        ["user_id": "ada", "room_name": "First room", "metadata": ["topic": "greetings"]]
                    ),
                    .init("unnamed", "All that there must be", ["user_id": "ada"]),
                ]
            ),
            responses: [
                .envelope(
                    "Room created successfully",
                    Self.room,
                    status: .created,
                    example: Sample.room.json,
                    links: Self.links
                )
            ],
            errors: [.roomLimitExceeded(roomLimit), .rateLimitExceeded(retryAfter: 12), .storeUnavailable]
        )
    }

    private static let aboutNames =
        "1–\(Rule.roomNameLimit) characters after trimming, no control characters"
    private static let aboutMetadata =
        "At most \(Rule<JSONObject>.metadataLimit) bytes of JSON. `initial_agent` names who answers in the room."

    private var listRooms: Operation {
        Operation(
            .get,
            "/api/rooms",
            "listRooms",
            .rooms,
            "A user's rooms, with the last message of each",
            parameters: [
                Self.owner,
                Self.limit(PageLimits.rooms),
                Self.offset,
                Operation.Parameter(
                    place: .query,
                    field: Field(
                        "sort_by",
                        Schema.string.with("default", "last_activity"),
                        "`last_activity`, `created_at` or `room_name`; anything else means `last_activity`",
                        isRequired: false
                    )
                ),
                .optional("order", Rule<SortDirection>.choice, "The direction", default: "desc"),
            ],
            responses: [
                .envelope(
                    "Rooms retrieved successfully",
                    DocumentSchemas.page(of: Field("rooms", Schema.array(of: Schema.reference("RoomSummary")))),
                    example: Sample.rooms.json(named: "rooms", Sample.page, \.json)
                )
            ],
            errors: [.rateLimitExceeded(retryAfter: 1), .storeUnavailable]
        )
    }

    private var showRoom: Operation {
        Operation(
            .get,
            "/api/rooms/{room_id}",
            "getRoom",
            .rooms,
            "A room",
            parameters: [Self.roomID],
            responses: [.envelope("Room retrieved successfully", Self.room, example: Sample.room.json)],
            errors: [.roomNotFound, .rateLimitExceeded(retryAfter: 1), .storeUnavailable]
        )
    }

    private var updateRoom: Operation {
        Operation(
            .patch,
            "/api/rooms/{room_id}",
            "updateRoom",
            .rooms,
            "Rename a room, or replace its metadata",
            description: "What is left out stays as it is. Metadata is replaced, not merged.",
            parameters: [Self.roomID, Self.owner],
            body: .init(
                schema: Schema.object([
                    .optional("room_name", .roomName, Self.aboutNames),
                    .optional("metadata", .metadata, Self.aboutMetadata),
                ]),
                examples: [.init("rename", "Another name", ["room_name": "First room"])]
            ),
            responses: [.envelope("Room updated successfully", Self.room, example: Sample.renamedRoom.json)],
            errors: [.roomNotFound, .accessDenied("room"), .rateLimitExceeded(retryAfter: 12), .storeUnavailable]
        )
    }

    private var deleteRoom: Operation {
        Operation(
            .delete,
            "/api/rooms/{room_id}",
            "deleteRoom",
            .rooms,
            "Delete a room",
            description: "Its conversations are removed, its streams are stopped, its sessions end.",
            parameters: [Self.roomID, Self.owner],
            responses: [
                .envelope(
                    "Room deleted successfully",
                    Schema.object([Field("room_id", Schema.string), Field("conversations_deleted", Schema.count)]),
                    example: ["room_id": .string(Sample.roomID), "conversations_deleted": 1]
                )
            ],
            errors: [.roomNotFound, .accessDenied("room"), .rateLimitExceeded(retryAfter: 12), .storeUnavailable]
        )
    }

    private var roomHistory: Operation {
        let page = Sample.conversations.json(named: "conversations", Sample.page, \.json)
        let data = JSONObject([.init(key: "room_id", value: .string(Sample.roomID))] + page.members)
        return Operation(
            .get,
            "/api/rooms/{room_id}/history",
            "getRoomHistory",
            .rooms,
            "What was said in a room",
            description: "A page, the newest first of all, in chronological order.",
            parameters: [Self.roomID, Self.limit(PageLimits.conversations), Self.offset],
            responses: [
                .envelope(
                    "Room history retrieved successfully",
                    DocumentSchemas.page(
                        of: Field("conversations", Schema.array(of: Schema.reference("Conversation"))),
                        [Field("room_id", Schema.string)]
                    ),
                    example: data
                )
            ],
            errors: [.roomNotFound, .rateLimitExceeded(retryAfter: 1), .storeUnavailable]
        )
    }
}
