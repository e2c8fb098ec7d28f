import Agents
import HTTPServer
import Primitives
import Storage
import Streaming

/// The parts of `/api/chat` that answer flat, without the envelope, and the deprecated ones.
struct ChatHistoryRoutes: RouteGroup {
    let store: any Store
    let sessions: SessionService
    let agents: AgentRegistry
    let tracker: ActiveStreamTracker
    let time: any TimeSource

    func add(to router: inout Router<RouteHandler>) {
        router.on(.get, "/api/chat/info", .immediate(info))
        router.on(.get, "/api/chat/history", .task(userHistory))
        router.on(.get, "/api/chat/history/{agent_type}", .task(agentHistory))
        router.on(.get, "/api/chat/rooms/{room_id}/history", .task(roomHistory))
        router.on(.get, "/api/chat/rooms", .task(rooms))
        router.on(.post, "/api/chat/session/create", .task(createSession))
    }

    private func info(_ request: APIRequest) throws(APIError) -> HTTPResponse { Envelope.plain(information) }

    var information: JSONObject {
        let list = agents.agents.map { agent -> JSONValue in
            ["agent_type": .string(agent.name), "description": .string(agent.summary)]
        }
        return [
            "service": .string(ServiceInfo.name),
            "version": .string(ServiceInfo.version),
            "agents": .array(list),
            "default_agent": .string(agents.defaultAgent.name),
            "streaming": "text/event-stream",
            "statuses": .array(ChatEventSchemas.statuses.map(JSONValue.string)),
        ]
    }

    // MARK: Histories

    private func userHistory(_ request: APIRequest) async throws(APIError) -> HTTPResponse {
        var query = try request.query()
        let userID = query.required("user_id", .userID)
        let limit = query.integer("limit", default: PageLimits.standard, PageLimits.conversations)
        try check { () throws(ValidationError) in try query.finish() }
        request.log.note(userID: userID)
        return try await history(.user(userID, agentType: nil), limit: limit)
    }

    private func agentHistory(_ request: APIRequest) async throws(APIError) -> HTTPResponse {
        var query = try request.query()
        let agentType = request.path("agent_type")
        let sessionID = query.optional("session_id", .identifier)
        let userID = sessionID == nil ? query.required("user_id", .userID) : query.optional("user_id", .userID)
        let limit = query.integer("limit", default: PageLimits.standard, PageLimits.conversations)
        try check { () throws(ValidationError) in try query.finish() }
        request.log.note(userID: userID)
        let filter: ConversationFilter
        if let sessionID {
            filter = .session(sessionID, agentType: agentType)
        } else {
            filter = .user(userID ?? "", agentType: agentType)
        }
        // With both, what both mean: nothing, when the session is another user's.
        return try await history(filter, of: userID, limit: limit, ["agent_type": .string(agentType)])
    }

    private func roomHistory(_ request: APIRequest) async throws(APIError) -> HTTPResponse {
        var query = try request.query()
        let limit = query.integer("limit", default: PageLimits.standard, PageLimits.conversations)
        try check { () throws(ValidationError) in try query.finish() }
        let roomID = request.path("room_id")
        let room = try await storing { () throws(StoreError) in try await store.room(id: roomID) }
        guard let room else { throw .roomNotFound }
        request.log.note(userID: room.userID)
        return try await history(.room(roomID), limit: limit, ["room_id": .string(roomID)])
    }

    private func history(
        _ filter: ConversationFilter,
        of userID: String? = nil,
        limit: Int,
        _ members: JSONObject = [:]
    ) async throws(APIError) -> HTTPResponse {
        let all = try await storing { () throws(StoreError) in
            let page = try await store.conversations(filter, page: PageRequest(limit: limit))
            return try await tracker.current(page.elements, in: store)
        }
        let conversations = all.filter { userID == nil || $0.userID == userID }
        var object = members
        object["count"] = .integer(Int64(conversations.count))
        object["conversations"] = .array(conversations.map { .object($0.json) })
        return Envelope.plain(object)
    }

    // MARK: Deprecated

    private func rooms(_ request: APIRequest) async throws(APIError) -> HTTPResponse {
        var query = try request.query()
        let userID = query.required("user_id", .userID)
        try check { () throws(ValidationError) in try query.finish() }
        request.log.note(userID: userID)
        let rooms = try await storing { () throws(StoreError) in
            let page = try await store.rooms(userID: userID, order: RoomOrder(), page: PageRequest(limit: 100))
            return try await tracker.current(page.elements, in: store)
        }
        let response = Envelope.plain([
            "user_id": .string(userID),
            "rooms": .array(rooms.map { .object($0.json) }),
            "count": .integer(Int64(rooms.count)),
        ])
        return Self.deprecated(response, successor: "/api/rooms")
    }

    private func createSession(_ request: APIRequest) async throws(APIError) -> HTTPResponse {
        var query = try request.query()
        let userID: String
        if let json = try request.json() {
            var body = BodyReader(json)
            userID = body.required("user_id", .userID)
            // The body's name counts. One that no user can have is a mistake all the same.
            _ = query.optional("user_id", .userID)
            try check { () throws(ValidationError) in try ValidationError.check(query.faults, body.faults) }
        } else {
            userID = query.required("user_id", .userID)
            try check { () throws(ValidationError) in try query.finish() }
        }
        request.log.note(userID: userID)
        let session = try await sessions.create(userID: userID, roomID: nil)
        request.log.note(session)
        let response = Envelope.plain([
            "session_id": .string(session.id),
            "user_id": .string(userID),
            "status": "created",
            "created_at": JSONValue(session.createdAt),
        ])
        return Self.deprecated(response, successor: "/api/session/create")
    }

    /// Says what to call instead (RFC 8594, section 3; the `Deprecation` field as clients of this API know it).
    private static func deprecated(_ response: HTTPResponse, successor: String) -> HTTPResponse {
        var response = response
        response.headers.append(HTTPField("Deprecation", "true"))
        response.headers.append(HTTPField("Link", "<\(successor)>; rel=\"successor-version\""))
        return response
    }
}
