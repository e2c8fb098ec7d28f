import HTTPServer
import Primitives
import Redis
import Storage
import Streaming

/// Keeps this instance a member, and ends the streams of those that are gone.
struct ClusterWatch: Sendable {
    let cluster: Cluster
    let chat: ChatService
    let logger: Logger

    /// For so long this instance must have been a member before it takes another one for dead, in nanoseconds: when Redis was away, it was
    /// so for the others too, and they must have had the time to come back.
    private static let settlingTime: Int64 = 6_000_000_000
    /// How long it may take to connect at the start, in nanoseconds.
    private static let patience: Int64 = 1_000_000_000
    /// How often it is tried to join while it fails, in nanoseconds.
    private static let joinInterval: Int64 = 250_000_000

    /// How often it is looked whether places are held of answers that have ended, in nanoseconds.
    private static let checkInterval: Int64 = 30_000_000_000

    /// Runs until its task is cancelled.
    func run(on loop: EventLoop) async {
        let start = loop.now
        var memberSince: Int64?
        var isAway = false
        var hasWarned = false
        var lastCheck = start
        repeat {
            do throws(RedisError) {
                try await cluster.measureClock()
                switch try await cluster.membership.renew(on: loop) {
                case .member:
                    memberSince = memberSince ?? loop.now
                    // What was told while the connection was away is lost.
                    if cluster.takeIsNew() { try await announceAll(on: loop) }
                    if loop.now - lastCheck >= Self.checkInterval {
                        lastCheck = loop.now
                        try await releaseEnded(on: loop)
                    }
                case .joined:
                    memberSince = loop.now
                    _ = cluster.takeIsNew()
                    try await announceAll(on: loop)
                    logger.info("member of the cluster", ["redis": .string("\(cluster.address)")])
                case .replaced:
                    memberSince = nil
                    await giveUpAll()
                }
                if hasWarned { logger.info("Redis is back", ["redis": .string("\(cluster.address)")]) }
                (isAway, hasWarned) = (false, false)
                if let memberSince, loop.now - memberSince >= Self.settlingTime {
                    try await lookAfterOthers(on: loop)
                }
            } catch {
                // At the start the connection takes a moment.
                if !hasWarned, loop.now - start >= Self.patience {
                    logger.warning(
                        error.isAway
                            ? "Redis is away: this instance goes on alone"
                            : "Redis refuses commands: this instance goes on alone",
                        ["error": .error(error)]
                    )
                    hasWarned = true
                }
                isAway = true
                memberSince = nil
                cluster.membership.goOnAlone()
            }
        } while await pause(isShort: isAway || memberSince == nil, on: loop)
    }

    /// Waits until there is something to be done.
    ///
    /// - Returns: false when the task is cancelled.
    private func pause(isShort: Bool, on loop: EventLoop) async -> Bool {
        let end = loop.now + (isShort ? Self.joinInterval : Membership.interval)
        repeat {
            guard (try? await loop.sleep(until: loop.now + Self.joinInterval)) != nil else { return false }
        } while loop.now < end && !cluster.hasNewConnection
        return true
    }

    /// What runs here is told to Redis, which may know nothing of it.
    func announceAll(on loop: EventLoop) async throws(RedisError) {
        try await releaseEnded(on: loop)
        for stream in chat.tracker.running where stream.isStored && stream.hasBegun {
            // Each claim takes a round trip, in which those behind it may end.
            guard chat.tracker.running(id: stream.id) != nil else { continue }
            _ = await cluster.claim(stream, userLimit: .max, on: loop)
            if chat.tracker.running(id: stream.id) == nil { cluster.release(stream, on: loop) }
        }
        cluster.restartFeeds()
    }

    /// Gives the places free of answers that have ended while Redis could not be told.
    private func releaseEnded(on loop: EventLoop) async throws(RedisError) {
        for stream in try await cluster.membership.claimed() where chat.tracker.running(id: stream.id) == nil {
            guard let token = cluster.membership.token else { return }
            let name = Membership.name(cluster.membership.id, token)
            cluster.release(streamID: stream.id, stream.sessionID, stream.userID, of: name, on: loop)
        }
    }

    /// Others have ended what runs here: nothing more may be written.
    private func giveUpAll() async {
        logger.error("taken for dead by another instance: all answers are given up", [:])
        await cluster.giveUpFeeds()
        for stream in chat.tracker.running { await stream.cancel(.interrupted, by: .cluster) }
    }

    // MARK: The dead

    /// Ends what others have left behind. Where Redis refuses that, which is told (`RefusalLog`), it is no reason to go on alone.
    private func lookAfterOthers(on loop: EventLoop) async throws(RedisError) {
        do throws(RedisError) {
            while let dead = try await cluster.membership.takeOver() { try await end(dead, on: loop) }
            try await endSilent(on: loop)
        } catch {
            guard case .refused = error else { throw error }
        }
    }

    private func end(_ dead: Membership.Dead, on loop: EventLoop) async throws(RedisError) {
        logger.warning(
            "an instance is gone: its answers are ended",
            ["member": .string(dead.name), "streams": .integer(dead.streams.count)]
        )
        for stream in dead.streams {
            guard try await end(stream.id, of: dead, on: loop) else { return }
            cluster.release(streamID: stream.id, stream.sessionID, stream.userID, of: dead.name, on: loop)
        }
        try await cluster.membership.bury(dead)
    }

    /// - Returns: false when the store cannot be used: it is tried again by whoever finds the member next.
    private func end(_ streamID: String, of dead: Membership.Dead, on loop: EventLoop) async throws(RedisError) -> Bool
    {
        // What others were shown is more than what was stored of it.
        let copy = await cluster.remote.copy(of: streamID)
        let conversation: Conversation?
        do throws(StoreError) {
            conversation = try await ended(streamID, copy)
        } catch {
            logger.error(
                "answers of an instance that is gone not ended: the store cannot be used",
                ["member": .string(dead.name), "error": .error(error)]
            )
            return false
        }
        if let conversation, let copy, !copy.log.hasEnded { _ = try await tellEnd(of: conversation, copy, on: loop) }
        return true
    }

    /// The stored conversation of a stream that nobody makes any more, marked interrupted unless it has ended; nil: it was deleted.
    private func ended(_ streamID: String, _ copy: RemoteStreams.Copy?) async throws(StoreError) -> Conversation? {
        guard var conversation = try await chat.store.conversation(streamID: streamID) else { return nil }
        guard conversation.status == .streaming else { return conversation }
        let shown = copy?.log.answer ?? ""
        let text = shown.utf8.count > conversation.agentResponse.utf8.count ? shown : conversation.agentResponse
        let end = ConversationEnd(
            conversationID: conversation.id,
            streamID: streamID,
            status: .interrupted,
            agentResponse: text,
            // How many events it had is not known: those who read it there may have been shown more than was told.
            metadata: conversation.metadata,
            at: chat.time.now
        )
        guard try await chat.store.end(end) else { return try await chat.store.conversation(streamID: streamID) }
        (conversation.status, conversation.agentResponse) = (.interrupted, text)
        return conversation
    }

    /// Tells all who follow a stream how it has ended.
    ///
    /// - Returns: false when Redis does not know the stream.
    private func tellEnd(
        of conversation: Conversation,
        _ copy: RemoteStreams.Copy,
        on loop: EventLoop
    ) async throws(RedisError) -> Bool {
        let told = copy.log.eventCount
        let sequence = max(told, conversation.terminalSequence)
        var encoder = StreamEventEncoder(
            streamID: copy.log.streamID,
            agentType: copy.origin.agentType,
            firstSequence: sequence
        )
        encoder.encodeTerminal(conversation.end, answer: conversation.agentResponse)
        var entries = [StreamEntry.events(.init(first: sequence, next: sequence + 1, bytes: encoder.bytes))]
        // Whoever has ended it itself may have gone on without Redis for a while, and have shown more than was told.
        if sequence > told, sequence != StreamEventID.unknownEnd {
            let answer = Array(conversation.agentResponse.utf8)
            entries.insert(.whole(copy.origin, sequence: sequence, answer: answer), at: 0)
        }
        return try await cluster.feed(on: loop).tell(entries, of: copy.log.streamID)
    }

    /// Looks after streams that are followed here and of which nothing is heard: their ends may be lost, with a Redis that has forgotten them and an
    /// instance that has died before it could tell them again.
    private func endSilent(on loop: EventLoop) async throws(RedisError) {
        for (id, copy) in cluster.remote.silent() {
            let conversation: Conversation?
            do throws(StoreError) {
                conversation = try await chat.store.conversation(streamID: id)
            } catch {
                return logger.error("silent answers of others not looked up", ["error": .error(error)])
            }
            guard conversation?.status != .streaming, !copy.log.hasEnded else { continue }
            logger.warning("the end of another instance's answer was lost", ["stream_id": .string(id)])
            if let conversation, try await tellEnd(of: conversation, copy, on: loop) { continue }
            cluster.remote.giveUp(id)
        }
    }
}
