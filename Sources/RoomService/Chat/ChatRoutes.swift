import Agents
import HTTPServer
import Primitives
import Storage
import Streaming

/// `/api/chat/message`: asking, and watching the answer.
struct ChatRoutes: RouteGroup {
    let chat: ChatService
    let time: any TimeSource
    let reconnectDelay: ReconnectDelay
    /// Nil: no lines are wanted about readers.
    let readers: StreamReaders?

    func add(to router: inout Router<RouteHandler>) {
        for path in ["/api/chat/message", "/api/chat/stream"] {
            router.on(.post, path, .task(ask))
            // A HEAD must not ask a question.
            router.on(.get, path, answersHead: false, .task(watch))
        }
    }

    // MARK: POST

    private func ask(_ request: APIRequest) async throws(APIError) -> HTTPResponse {
        let format = try AnswerFormat(accept: request.headers.values("accept"))
        var question = try ChatQuestion(body: try request.json())
        question.log = request.log
        let answer = try await chat.ask(question, on: request.loop)
        request.log.note(streamID: answer.streamID)
        switch format {
        case .eventStream:
            return eventStream(answer.subscription(sendsDone: true), request)
        case .json:
            let data: JSONObject = [
                "stream_id": .string(answer.streamID),
                "session_id": .string(question.sessionID),
                "status": .string(answer.status),
            ]
            return Envelope.success("Message accepted", data: data, status: .accepted, at: time.now)
        }
    }

    // MARK: GET

    /// For `EventSource`, which reconnects by itself: whatever it sends again, no question is answered twice.
    private func watch(_ request: APIRequest) async throws(APIError) -> HTTPResponse {
        var query = try request.query()
        let lastEventID = request.headers["last-event-id"] ?? query["last_event_id"] ?? ""
        if !lastEventID.isEmpty {
            return try await resume(after: lastEventID, &query, request)
        }
        if query["query"] != nil || query["message"] != nil {
            var question = try ChatQuestion(query: &query)
            question.log = request.log
            let answer = try await chat.ask(question, on: request.loop)
            request.log.note(streamID: answer.streamID)
            return eventStream(answer.subscription(sendsDone: false), request)
        }
        let session = try await session(&query)
        request.log.note(session)
        await chat.cluster?.followed.follow(session.id)
        let followed = FollowedSession(
            sessionID: session.id,
            roomID: session.roomID,
            expiresAt: session.expiresAt
        )
        return eventStream(Subscription(following: followed, tracker: chat.tracker), request)
    }

    private func resume(
        after lastEventID: String,
        _ query: inout QueryReader,
        _ request: APIRequest
    ) async throws(APIError) -> HTTPResponse {
        do throws(APIError) {
            let resumption = try await resumption(after: lastEventID, &query, request)
            chat.metrics.didResume(resumption.result)
            return resumption.subscription.map { eventStream($0, request) } ?? HTTPResponse(status: .noContent)
        } catch {
            chat.metrics.didResume(error.status == .notFound ? .notFound : .refused)
            throw error
        }
    }

    private func resumption(
        after lastEventID: String,
        _ query: inout QueryReader,
        _ request: APIRequest
    ) async throws(APIError) -> ChatService.Resumption {
        let sessionID = query.required("session_id", .identifier)
        let userID = query.optional("user_id", .userID)
        let roomID = query.optional("room_id", .identifier)
        let faults = query.faults
        try check { () throws(ValidationError) in try ValidationError.check(faults) }
        guard let id = StreamEventID(lastEventID) else { throw ChatService.streamNotFound }
        let resumption = try await chat.resume(
            after: id,
            sessionID: sessionID,
            userID: userID,
            roomID: roomID,
            on: request.loop
        )
        // There are such, or it would have thrown.
        request.log.note(sessionID: sessionID, streamID: id.streamID)
        if let stream = chat.tracker.stream(id: id.streamID) { request.log.note(stream) }
        return resumption
    }

    private func session(_ query: inout QueryReader) async throws(APIError) -> Session {
        let id = query.required("session_id", .identifier)
        let userID = query.optional("user_id", .userID)
        let roomID = query.optional("room_id", .identifier)
        let faults = query.faults
        try check { () throws(ValidationError) in try ValidationError.check(faults) }
        let session = try await chat.sessions.session(id)
        try ChatService.checkOwner(userID, of: session.userID, roomID, of: session.roomID)
        return session
    }

    private func eventStream(_ subscription: Subscription, _ request: APIRequest) -> HTTPResponse {
        var subscription = subscription
        subscription.retryMilliseconds = reconnectDelay.milliseconds
        subscription.metrics = chat.tracker.metrics
        subscription.reader = readers?.reader(request.log)
        return EventStreamResponse.make(.stream(subscription))
    }
}

extension ChatService.Answer {
    fileprivate var streamID: String {
        switch self {
        case .stream(let stream): stream.id
        case .copy(let copy): copy.origin.streamID
        case .stored(let conversation): conversation.streamID ?? conversation.id
        }
    }

    fileprivate var status: String {
        switch self {
        case .stream(let stream): stream.log.hasEnded ? "ended" : "streaming"
        case .copy(let copy): copy.log.hasEnded ? "ended" : "streaming"
        case .stored: "ended"
        }
    }

    fileprivate func subscription(sendsDone: Bool) -> Subscription {
        switch self {
        case .stream(let stream): Subscription(stream.log, sendsDone: sendsDone)
        case .copy(let copy): Subscription(copy.log, sendsDone: sendsDone)
        case .stored(let conversation): Subscription(StoredAnswer(conversation).log, sendsDone: sendsDone)
        }
    }
}
