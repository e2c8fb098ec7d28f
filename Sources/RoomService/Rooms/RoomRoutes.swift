import HTTPServer
import Primitives
import Storage
import Streaming

/// `/api/rooms`: what a user's chats are called, and what is in them.
struct RoomRoutes: RouteGroup {
    let store: any Store
    let chat: ChatService
    let rateLimiter: RateLimiter
    let ids: any IdentifierGenerator
    let time: any TimeSource
    let roomLimit: Int

    func add(to router: inout Router<RouteHandler>) {
        router.on(.post, "/api/rooms", .task(create))
        router.on(.get, "/api/rooms", .task(list))
        router.on(.get, "/api/rooms/{room_id}", .task(show))
        router.on(.patch, "/api/rooms/{room_id}", .task(update))
        router.on(.delete, "/api/rooms/{room_id}", .task(delete))
        router.on(.get, "/api/rooms/{room_id}/history", .task(history))
    }

    private func create(_ request: APIRequest) async throws(APIError) -> HTTPResponse {
        var body = BodyReader(try request.json())
        let userID = body.required("user_id", .userID)
        let name = body.optional("room_name", .roomName)
        let metadata = body.optional("metadata", .metadata) ?? [:]
        try check { () throws(ValidationError) in try body.finish() }
        try await rateLimiter.check(.writes, key: userID)
        let now = time.now
        let id = ids.uuid(prefix: "room_", at: now)
        request.log.note(userID: userID, roomID: id)
        let room = Room.new(id: id, userID: userID, name: name, metadata: metadata, at: now)
        try await storing(roomLimit: roomLimit) { () throws(StoreError) in
            try await store.createRoom(room, limit: roomLimit)
        }
        return Envelope.success("Room created successfully", data: room.json, status: .created, at: now)
    }

    private func list(_ request: APIRequest) async throws(APIError) -> HTTPResponse {
        var query = try request.query()
        let userID = query.required("user_id", .userID)
        let page = PageRequest(
            limit: query.integer("limit", default: PageLimits.standard, PageLimits.rooms),
            offset: query.integer("offset", default: 0, QueryReader.offsetRange)
        )
        let key = query["sort_by"].flatMap(RoomOrder.Key.init) ?? .lastActivity
        let direction = query.choice("order", default: SortDirection.descending)
        try check { () throws(ValidationError) in try query.finish() }
        request.log.note(userID: userID)
        let order = RoomOrder(key: key, descending: direction == .descending)
        let rooms = try await storing { () throws(StoreError) in
            var rooms = try await store.rooms(userID: userID, order: order, page: page)
            rooms.elements = try await chat.tracker.current(rooms.elements, in: store)
            return rooms
        }
        let data = rooms.json(named: "rooms", page, \.json)
        return Envelope.success("Rooms retrieved successfully", data: data, at: time.now)
    }

    private func show(_ request: APIRequest) async throws(APIError) -> HTTPResponse {
        let room = try await room(request.path("room_id"))
        request.log.note(userID: room.userID)
        return Envelope.success("Room retrieved successfully", data: room.json, at: time.now)
    }

    private func update(_ request: APIRequest) async throws(APIError) -> HTTPResponse {
        let (query, userID) = try callingUser(request)
        var body = BodyReader(try request.json())
        let changes = RoomChanges(
            name: body.optional("room_name", .roomName),
            metadata: body.optional("metadata", .metadata)
        )
        try check { () throws(ValidationError) in try ValidationError.check(query.faults, body.faults) }
        request.log.note(userID: userID)
        try await rateLimiter.check(.writes, key: userID)
        let now = time.now
        let room = try await storing { () throws(StoreError) in
            try await store.updateRoom(id: request.path("room_id"), userID: userID, changes: changes, at: now)
        }
        return Envelope.success("Room updated successfully", data: room.json, at: now)
    }

    private func delete(_ request: APIRequest) async throws(APIError) -> HTTPResponse {
        let (query, userID) = try callingUser(request)
        try check { () throws(ValidationError) in try query.finish() }
        request.log.note(userID: userID)
        try await rateLimiter.check(.writes, key: userID)
        let roomID = request.path("room_id")
        let now = time.now
        let count = try await storing { () throws(StoreError) in
            try await store.deleteRoom(id: roomID, userID: userID, at: now)
        }
        await chat.endStreams(ofRoom: roomID, on: request.loop)
        let data: JSONObject = ["room_id": .string(roomID), "conversations_deleted": .integer(Int64(count))]
        return Envelope.success("Room deleted successfully", data: data, at: now)
    }

    private func history(_ request: APIRequest) async throws(APIError) -> HTTPResponse {
        var query = try request.query()
        let page = PageRequest(
            limit: query.integer("limit", default: PageLimits.standard, PageLimits.conversations),
            offset: query.integer("offset", default: 0, QueryReader.offsetRange)
        )
        try check { () throws(ValidationError) in try query.finish() }
        let roomID = request.path("room_id")
        request.log.note(userID: try await room(roomID).userID)
        let conversations = try await storing { () throws(StoreError) in
            var conversations = try await store.conversations(.room(roomID), page: page)
            conversations.elements = try await chat.tracker.current(conversations.elements, in: store)
            return conversations
        }
        var data: JSONObject = ["room_id": .string(roomID)]
        for member in conversations.json(named: "conversations", page, \.json).members {
            data[member.key] = member.value
        }
        return Envelope.success("Room history retrieved successfully", data: data, at: time.now)
    }

    private func room(_ id: String) async throws(APIError) -> Room {
        let room = try await storing { () throws(StoreError) in try await store.room(id: id) }
        guard let room else { throw .roomNotFound }
        return room
    }

    private func callingUser(_ request: APIRequest) throws(APIError) -> (QueryReader, String) {
        var query = try request.query()
        let userID = query.required("user_id", .userID)
        return (query, userID)
    }
}

/// The direction of a sorted list, as the API spells it.
enum SortDirection: String, CaseIterable, Sendable {
    case descending = "desc"
    case ascending = "asc"
}
