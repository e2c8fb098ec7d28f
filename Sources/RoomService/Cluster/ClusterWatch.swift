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

    /// Runs until its task is cancelled.
    func run(on loop: EventLoop) async {
        let start = loop.now
        var memberSince: Int64?
        var isAway = false
        var hasWarned = false
        repeat {
            do throws(RedisError) {
                switch try await cluster.membership.renew(on: loop) {
                case .member:
                    memberSince = memberSince ?? loop.now
                    // What was told while the connection was away is lost.
                    if cluster.takeIsNew() { try await announceAll(on: loop) }
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
                    while let dead = try await cluster.membership.takeOver() { try await end(dead, on: loop) }
                }
            } catch {
                // At the start the connection takes a moment.
                if !hasWarned, loop.now - start >= Self.patience {
                    logger.warning("Redis is away: this instance goes on alone", ["error": .error(error)])
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
    private func announceAll(on loop: EventLoop) async throws(RedisError) {
        for stream in try await cluster.membership.claimed() where chat.tracker.running(id: stream.id) == nil {
            guard let token = cluster.membership.token else { return }
            let name = Membership.name(cluster.membership.id, token)
            cluster.release(streamID: stream.id, stream.sessionID, stream.userID, of: name, on: loop)
        }
        for stream in chat.tracker.running where stream.isStored && stream.hasBegun {
            _ = await cluster.claim(stream, userLimit: .max, on: loop)
        }
        cluster.restartFeeds()
    }

    /// Others have ended what runs here: nothing more may be written.
    private func giveUpAll() async {
        logger.error("taken for dead by another instance: all answers are given up", [:])
        for stream in chat.tracker.running { await stream.cancel(.interrupted, by: .cluster) }
    }

    // MARK: The dead

    private func end(_ dead: Membership.Dead, on loop: EventLoop) async throws(RedisError) {
        logger.warning(
            "an instance is gone: its answers are ended",
            ["member": .string(dead.name), "streams": .integer(dead.streams.count)]
        )
        for stream in dead.streams {
            do throws(StoreError) {
                try await end(stream.id, on: loop)
            } catch {
                // It is tried again by whoever finds the member next.
                throw .unavailable("the store is away: \(error)")
            }
            cluster.release(streamID: stream.id, stream.sessionID, stream.userID, of: dead.name, on: loop)
        }
        try await cluster.membership.bury(dead)
    }

    private func end(_ streamID: String, on loop: EventLoop) async throws(StoreError) {
        guard var conversation = try await chat.store.conversation(streamID: streamID) else { return }
        // What others were shown is more than what was stored of it.
        let copy = await cluster.remote.copy(of: streamID)
        let sequence = copy?.log.eventCount
        if copy?.log.hasEnded == true, conversation.status != .streaming { return }
        if conversation.status == .streaming {
            let shown = copy?.log.answer ?? ""
            let text = shown.utf8.count > conversation.agentResponse.utf8.count ? shown : conversation.agentResponse
            var metadata = conversation.metadata
            if let sequence { metadata["chunks"] = .integer(Int64(max(0, sequence - 1))) }
            let end = ConversationEnd(
                conversationID: conversation.id,
                streamID: streamID,
                status: .interrupted,
                agentResponse: text,
                metadata: metadata,
                at: chat.time.now
            )
            if !(try await chat.store.end(end)), let stored = try await chat.store.conversation(streamID: streamID) {
                conversation = stored
            } else {
                (conversation.status, conversation.agentResponse) = (.interrupted, text)
            }
        }
        guard let copy, let sequence else { return }
        var encoder = StreamEventEncoder(
            streamID: streamID,
            agentType: copy.origin.agentType,
            firstSequence: sequence
        )
        encoder.encodeTerminal(conversation.end, answer: conversation.agentResponse)
        cluster.feed(on: loop).tell(.events(first: sequence, next: sequence + 1, bytes: encoder.bytes), of: streamID)
    }
}
