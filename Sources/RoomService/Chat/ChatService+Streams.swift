import HTTPServer
import Primitives
import Storage
import Streaming

extension ChatService {
    /// What a stop has ended.
    struct Stopped: Sendable {
        var streamID: String
        /// All that was shown of the answer; where another instance runs it, what is stored of it so far.
        var partialResponse: String
        /// Whether it has stopped. Otherwise the instance that runs it has been asked to, and does so within about a second.
        var isDelivered: Bool
    }

    /// How long is waited for a stopped answer to be stored, in nanoseconds. It is stored later where the store is gone.
    static let endLimit: Int64 = 1_000_000_000

    /// Stops the session's stream. When this returns no client is sent any more of it, the agent has been cancelled, and
    /// what there was of the answer is stored, or will be when the store is back.
    ///
    /// - Parameter streamID: where given, a fence: only that stream is stopped, never a later one.
    /// - Returns: nil when there was nothing to stop.
    func stop(
        sessionID: String,
        streamID: String?,
        by canceller: StreamCanceller = .stopRequest,
        on loop: EventLoop
    ) async throws(APIError) -> Stopped? {
        guard let stream = tracker.running(sessionID: sessionID), streamID == nil || stream.id == streamID else {
            return store.isShared ? try await stopElsewhere(sessionID: sessionID, streamID: streamID, on: loop) : nil
        }
        // Nil: somebody else was first, or it was ending by itself.
        let answer = await stop(stream, by: canceller, on: loop)
        return answer.map { Stopped(streamID: stream.id, partialResponse: $0, isDelivered: true) }
    }

    /// Stops a stream of this instance. When this returns nobody is shown any more of it, whichever instance they read it from.
    func stop(_ stream: LiveStream, by canceller: StreamCanceller, on loop: EventLoop) async -> String? {
        let answer = await stream.cancel(.stopped, by: canceller)
        if answer != nil { await cluster?.seal(stream, on: loop) }
        await stream.waitUntilEnded(for: Self.endLimit, on: loop)
        return answer
    }

    private func stopElsewhere(
        sessionID: String,
        streamID: String?,
        on loop: EventLoop
    ) async throws(APIError) -> Stopped? {
        var asked: String?
        if let cluster, let running = await cluster.runningElsewhere(sessionID: sessionID, on: loop) {
            guard streamID == nil || running.streamID == streamID else { return nil }
            asked = running.streamID
            if case .stopped(let answer) = await cluster.stop(running) {
                return answer.map { Stopped(streamID: running.streamID, partialResponse: $0, isDelivered: true) }
            }
        }
        // Nobody has said that it is done: what is stored is seen by whoever runs it.
        let requested = try await requestStop(sessionID: sessionID, streamID: streamID)
        guard requested == nil, let asked else { return requested }
        // It may have been done all the same, and only the word of it have come too late.
        let conversation = try await storing { () throws(StoreError) in try await store.conversation(streamID: asked) }
        guard let conversation, conversation.status == .cancelled else { return nil }
        return Stopped(streamID: asked, partialResponse: conversation.agentResponse, isDelivered: true)
    }

    private func requestStop(sessionID: String, streamID: String?) async throws(APIError) -> Stopped? {
        try await storing { () throws(StoreError) in
            guard let id = try await store.requestCancellation(sessionID: sessionID, streamID: streamID),
                let conversation = try await store.conversation(streamID: id), conversation.status == .streaming
            else { return nil }
            return Stopped(streamID: id, partialResponse: conversation.agentResponse, isDelivered: false)
        }
    }

    /// Stops the streams of a room that has been deleted, and forgets those that have ended. Its followers end.
    func endStreams(ofRoom roomID: String, on loop: EventLoop) async {
        cluster?.messages.announce(.roomDeleted(roomID))
        await endOwnStreams(ofRoom: roomID, on: loop)
    }

    /// The same for those of this instance alone.
    func endOwnStreams(ofRoom roomID: String, on loop: EventLoop) async {
        let running = tracker.running(roomID: roomID)
        for stream in running { await stream.cancel(.stopped, by: .roomDeleted) }
        // What ends later would be held as an ended one.
        for stream in running { await stream.waitUntilEnded(for: Self.endLimit, on: loop) }
        tracker.forgetEnded { $0.roomID == roomID }
        tracker.endFollowers { $0.roomID == roomID }
    }

    /// Forgets the ended streams of a session whose history has been deleted.
    func forgetEndedStreams(ofSession sessionID: String) {
        cluster?.messages.announce(.historyDeleted(sessionID))
        forgetOwnEndedStreams(ofSession: sessionID)
    }

    /// The same for those of this instance alone.
    func forgetOwnEndedStreams(ofSession sessionID: String) {
        tracker.forgetEnded { $0.sessionID == sessionID }
    }

    /// The stored answer to a question that was asked before.
    func stored(sessionID: String, messageID: String) async throws(APIError) -> Answer {
        // Deleted between the two looks at the store.
        guard let conversation = try await conversation(sessionID: sessionID, messageID: messageID) else {
            throw APIError(StoreError(.duplicateMessage, "The conversation is gone"))
        }
        return .stored(try Self.ended(conversation))
    }

    func conversation(sessionID: String, messageID: String) async throws(APIError) -> Conversation? {
        try await storing { () throws(StoreError) in
            try await store.conversation(sessionID: sessionID, messageID: messageID)
        }
    }

    /// What a client still has to see of a stream.
    struct Resumption {
        /// Nil when nothing is left.
        var subscription: Subscription?
        var result: ServiceMetrics.Resume

        fileprivate static let nothingLeft = Resumption(result: .nothingLeft)
    }

    /// What a client still has to see of a stream after the event `id`.
    ///
    /// - Parameters:
    ///   - userID: where given, must be the stream's.
    ///   - roomID: likewise.
    /// - Throws: `NOT_FOUND` when the session never had such a stream, or such an event; `ACCESS_DENIED`;
    ///   `ROOM_MISMATCH`; `UNAVAILABLE` when another instance has shown more than is known here.
    func resume(
        after id: StreamEventID,
        sessionID: String,
        userID: String?,
        roomID: String?,
        on loop: EventLoop
    ) async throws(APIError) -> Resumption {
        if let stream = tracker.stream(id: id.streamID) {
            guard stream.sessionID == sessionID else { throw Self.streamNotFound }
            try Self.checkOwner(userID, of: stream.userID, roomID, of: stream.roomID)
            return try Self.rest(of: stream.log, after: id.sequence)
        }
        if let copy = await cluster?.remote.copy(of: id.streamID) {
            guard copy.origin.sessionID == sessionID else { throw Self.streamNotFound }
            try Self.checkOwner(userID, of: copy.origin.userID, roomID, of: copy.origin.roomID)
            // What has been deleted is held there for a while.
            let conversation = try await storing { () throws(StoreError) in
                try await store.conversation(streamID: id.streamID)
            }
            guard conversation != nil else { throw Self.streamNotFound }
            let isBehind = id.sequence >= copy.log.eventCount && !copy.log.hasEnded
            return try Self.rest(of: isBehind ? try await log(having: id, on: loop) : copy.log, after: id.sequence)
        }
        let conversation = try await storing { () throws(StoreError) in
            try await store.conversation(streamID: id.streamID)
        }
        guard let conversation, conversation.sessionID == sessionID else { throw Self.streamNotFound }
        try Self.checkOwner(userID, of: conversation.userID, roomID, of: conversation.roomID)
        _ = try Self.ended(conversation)
        let stored = StoredAnswer(conversation)
        guard id.sequence < stored.terminalSequence else { return .nothingLeft }
        // Who has all that came before the end gets no `reset` of the same number.
        let cursor = id.sequence == stored.terminalSequence - 1 ? stored.end : 0
        return Resumption(subscription: Subscription(stored.log, from: cursor, sendsDone: false), result: .stored)
    }

    /// A client may have been shown more by the instance that makes the answer than that has told so far. Where it has died meanwhile, the
    /// answer's end comes within seconds.
    private func log(having id: StreamEventID, on loop: EventLoop) async throws(APIError) -> StreamLog {
        for _ in 0..<Self.lagWaits {
            guard let log = await cluster?.remote.copy(of: id.streamID)?.log else { break }
            if log.hasEnded || id.sequence < log.eventCount { return log }
            guard (try? await loop.sleep(until: loop.now + Self.lagInterval)) != nil else { break }
        }
        throw .unavailable("Another instance has shown more of this answer. Please try again.", retryAfter: 2)
    }

    /// Half a second, in steps in nanoseconds.
    private static let lagWaits = 25
    private static let lagInterval: Int64 = 20_000_000

    private static func rest(of log: StreamLog, after sequence: Int) throws(APIError) -> Resumption {
        if sequence == log.terminalSequence { return .nothingLeft }
        switch log.place(before: sequence + 1) {
        case .cursor(let cursor):
            return Resumption(subscription: Subscription(log, from: cursor, sendsDone: false), result: .continued)
        // From a place that is no longer held, all of the answer so far comes as one event.
        case .passed: return Resumption(subscription: Subscription(log, from: 0, sendsDone: false), result: .reset)
        case .unknown: throw streamNotFound
        }
    }

    /// What a client says of the user and the room must hold, where it says so.
    static func checkOwner(
        _ userID: String?,
        of actualUserID: String,
        _ roomID: String?,
        of actualRoomID: String
    ) throws(APIError) {
        if let userID, userID != actualUserID { throw .accessDenied("session") }
        if let roomID, roomID != actualRoomID { throw roomMismatch }
    }

    /// A stored conversation that still runs, though not here, has no end that could be told yet: another instance makes it,
    /// or has died; or it is about to be withdrawn.
    ///
    /// - Throws: `UNAVAILABLE`.
    static func ended(_ conversation: Conversation) throws(APIError) -> Conversation {
        guard conversation.status != .streaming else {
            throw .unavailable("Another instance is making this answer. Please try again.", retryAfter: 2)
        }
        return conversation
    }

    static let streamNotFound = APIError.notFound("Stream not found")
}
