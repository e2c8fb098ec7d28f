import HTTPServer
import Primitives
import Storage
import Streaming

/// `/api/session`: visits to a room, what the agents remember of them, and stopping an answer.
struct SessionRoutes: RouteGroup {
    let store: any Store
    let sessions: SessionService
    let chat: ChatService
    let rateLimiter: RateLimiter
    let time: any TimeSource

    func add(to router: inout Router<RouteHandler>) {
        router.on(.post, "/api/session/create", .task(create))
        router.on(.get, "/api/session/{id}", .task(show))
        router.on(.post, "/api/session/{id}/reset", .task(reset))
        router.on(.post, "/api/session/{id}/stop", .task(stop))
        router.on(.delete, "/api/session/{id}/history", .task(deleteHistory))
        router.on(.delete, "/api/session/{id}", .task(delete))
    }

    private func create(_ request: APIRequest) async throws(APIError) -> HTTPResponse {
        var body = BodyReader(try request.json())
        let userID = body.required("user_id", .userID)
        let roomID = body.optional("room_id", .identifier)
        try check { () throws(ValidationError) in try body.finish() }
        request.log.note(userID: userID)
        let session = try await sessions.create(userID: userID, roomID: roomID)
        request.log.note(session)
        let data = session.json
        return Envelope.success("Session created successfully", data: data, status: .created, at: session.createdAt)
    }

    private func show(_ request: APIRequest) async throws(APIError) -> HTTPResponse {
        let session = try await session(of: request)
        let activeStream = try await activeStream(of: session, on: request.loop)
        let count = try await contextCount(of: session, isRunning: activeStream != .null)
        var data = session.json
        data["last_activity"] = JSONValue(session.lastActivity)
        data["active_agent"] = JSONValue(session.activeAgent)
        data["conversation_count"] = .integer(Int64(count))
        data["active_stream"] = activeStream
        return Envelope.success("Session retrieved successfully", data: data, at: time.now)
    }

    private func session(of request: APIRequest) async throws(APIError) -> Session {
        let session = try await sessions.session(request.path("id"))
        request.log.note(session)
        return session
    }

    private func activeStream(of session: Session, on loop: EventLoop) async throws(APIError) -> JSONValue {
        if let stream = chat.tracker.running(sessionID: session.id) {
            return [
                "stream_id": .string(stream.id),
                "status": stream.isCancelled ? "stopping" : "streaming",
                "started_at": JSONValue(stream.startedAt),
            ]
        }
        guard let running = await chat.cluster?.runningElsewhere(sessionID: session.id, on: loop) else { return .null }
        let conversation = try await storing { () throws(StoreError) in
            try await store.conversation(streamID: running.streamID)
        }
        guard let conversation, conversation.status == .streaming else { return .null }
        return [
            "stream_id": .string(running.streamID), "status": "streaming",
            "started_at": JSONValue(conversation.timestamp),
        ]
    }

    /// How many conversations the agents see of the session.
    private func contextCount(of session: Session, isRunning: Bool) async throws(APIError) -> Int {
        // While an answer is made, a session is not idle.
        guard isRunning || !sessions.hasIdled(session, at: time.now) else { return 0 }
        return try await storing { () throws(StoreError) in try await store.contextCount(of: session) }
    }

    private func reset(_ request: APIRequest) async throws(APIError) -> HTTPResponse {
        var body = BodyReader(try request.json(), isOptional: true)
        let agentType = body.optional("agent_type", .identifier)
        try check { () throws(ValidationError) in try body.finish() }
        let session = try await session(of: request)
        try await rateLimiter.check(.writes, key: session.userID)
        let isRunning = try await activeStream(of: session, on: request.loop) != .null
        let now = time.now
        let hasIdled = !isRunning && sessions.hasIdled(session, at: now)
        let count = try await storing { () throws(StoreError) in
            try await store.resetContext(sessionID: session.id, agentType: agentType, at: now)
        }
        let data: JSONObject = [
            "session_id": .string(session.id),
            "reset_scope": .string(agentType ?? "all"),
            "conversations_cleared": .integer(Int64(hasIdled ? 0 : count)),
        ]
        return Envelope.success("Session reset successfully", data: data, at: now)
    }

    private func stop(_ request: APIRequest) async throws(APIError) -> HTTPResponse {
        var body = BodyReader(try request.json(), isOptional: true)
        let streamID = body.optional("stream_id", .identifier)
        try check { () throws(ValidationError) in try body.finish() }
        let sessionID = request.path("id")
        // An answer may outlast its session, and can still be stopped then.
        let running = chat.tracker.running(sessionID: sessionID)
        if let running { request.log.note(userID: running.userID, roomID: running.roomID) }
        let roomID = if let running { running.roomID } else { try await session(of: request).roomID }
        var data: JSONObject = ["session_id": .string(sessionID), "room_id": .string(roomID)]
        let start = time.monotonicNanoseconds
        guard let stopped = try await chat.stop(sessionID: sessionID, streamID: streamID, on: request.loop) else {
            chat.metrics.didStop(.notFound)
            data["status"] = "not_found"
            data["stream_id"] = .null
            data["partial_response"] = .null
            return Envelope.success("No active stream found for this session", data: data, at: time.now)
        }
        chat.metrics.didStop(stopped.isDelivered ? .delivered : .requested)
        chat.metrics.stopTime.observe(nanoseconds: time.monotonicNanoseconds - start)
        request.log.note(streamID: stopped.streamID)
        data["status"] = "stop_requested"
        data["stream_id"] = .string(stopped.streamID)
        data["partial_response"] = .string(stopped.partialResponse)
        data["delivered"] = .bool(stopped.isDelivered)
        return Envelope.success("Stream stop requested", data: data, at: time.now)
    }

    private func deleteHistory(_ request: APIRequest) async throws(APIError) -> HTTPResponse {
        var query = try request.query()
        let roomID = query.required("room_id", .identifier)
        try check { () throws(ValidationError) in try query.finish() }
        let session = try await session(of: request)
        guard session.roomID == roomID else { throw ChatService.roomMismatch }
        try await rateLimiter.check(.writes, key: session.userID)
        let count = try await storing { () throws(StoreError) in
            try await store.deleteConversations(sessionID: session.id, roomID: roomID)
        }
        chat.forgetEndedStreams(ofSession: session.id)
        let data: JSONObject = [
            "session_id": .string(session.id),
            "room_id": .string(roomID),
            "conversations_deleted": .integer(Int64(count)),
        ]
        return Envelope.success("Session history deleted successfully", data: data, at: time.now)
    }

    private func delete(_ request: APIRequest) async throws(APIError) -> HTTPResponse {
        let session = try await session(of: request)
        try await rateLimiter.check(.writes, key: session.userID)
        let now = time.now
        // The session goes first, so that no new stream begins in it.
        try await storing { () throws(StoreError) in try await store.deleteSession(id: session.id, at: now) }
        // The session is gone, whatever becomes of a stream that another instance runs.
        _ = try? await chat.stop(sessionID: session.id, streamID: nil, by: .sessionDeleted, on: request.loop)
        chat.tracker.endFollowers { $0.sessionID == session.id }
        chat.cluster?.messages.announce(.sessionDeleted(session.id))
        let data: JSONObject = ["session_id": .string(session.id), "status": "deleted"]
        return Envelope.success("Session deleted successfully", data: data, at: now)
    }
}
