import HTTPServer
import Primitives
import Redis
import Storage
import Streaming
import Synchronization

/// This instance among others over one Redis: who answers in which session, what every stream's watchers see, and how to stop any of them.
///
/// Without Redis each instance goes on alone with what it knows itself; nothing here fails a request.
final class Cluster: Sendable {
    let membership: Membership
    let remote: RemoteStreams
    let followed: FollowedSessions
    let messages: InstanceMessages
    let metrics = ClusterMetrics()
    let address: RedisAddress
    private let loop: EventLoop
    /// One for each loop, by its index.
    private let clients: [RedisClient]
    let feeds: [StreamFeed]
    private let subscriber: RedisSubscriber
    private let tasks: LoopTasks
    private let clock: RedisClock
    private let logger: Logger
    /// Whether the connection is a new one, over which nothing has been put right yet.
    private let isNew = Atomic(true)

    /// How long the end waits until Redis has been told all, in nanoseconds.
    private static let farewellLimit: Int64 = 1_000_000_000

    /// - Parameters:
    ///   - retention: how long an ended stream can be read, in nanoseconds.
    ///   - logLimit: how much of another instance's stream is held, in bytes.
    init(
        _ address: RedisAddress,
        group: EventLoopGroup,
        instanceID: String,
        retention: Int64,
        logLimit: Int,
        tracker: ActiveStreamTracker,
        options: RedisOptions = RedisOptions(),
        logger: Logger
    ) {
        self.address = address
        self.logger = logger
        loop = group.loops[0]
        var options = options
        options.clientName = instanceID
        let refusals = RefusalLog(logger: logger, time: group.loops[0].time)
        options.onRefusal = { refusals.note($0) }
        clients = group.loops.map { [options] in RedisClient(address, options: options, loop: $0) }
        subscriber = RedisSubscriber(address, options: options, loop: loop)
        membership = Membership(id: instanceID, client: clients[0])
        tasks = LoopTasks(on: loop)
        clock = RedisClock(time: loop.time)
        messages = InstanceMessages(instanceID: instanceID, loop: loop, client: clients[0], tasks: tasks)
        feeds = clients.map { [membership, clock, metrics] client in
            StreamFeed(
                loop: client.loop,
                client: client,
                membership: membership,
                retention: retention,
                keptBytes: logLimit,
                clock: clock,
                metrics: metrics
            )
        }
        remote = RemoteStreams(
            loop: loop,
            client: clients[0],
            subscriber: subscriber,
            retainedLimit: logLimit,
            messages: messages,
            clock: clock,
            metrics: metrics,
            tasks: tasks,
            logger: logger
        )
        followed = FollowedSessions(
            instanceID: instanceID,
            loop: loop,
            client: clients[0],
            subscriber: subscriber,
            remote: remote,
            tracker: tracker,
            tasks: tasks
        )
    }

    /// Begins to connect, and to hear what others want of this instance.
    func start(handle: @escaping @Sendable (InstanceMessages.Message) async -> Void) {
        for (client, feed) in zip(clients, feeds) {
            client.loop.execute { [self] in
                _ = client.observe { availability in
                    guard availability == .connected else { return }
                    feed.restart()
                    self.isNew.store(true, ordering: .relaxed)
                }
                client.start()
            }
        }
        loop.execute { [self] in
            subscriber.start()
            messages.start(subscriber, handle: handle)
        }
    }

    /// Leaves. All streams of this instance must have ended.
    func close() async {
        // Only a member may tell how its streams have ended.
        let deadline = loop.time.monotonicNanoseconds + Self.farewellLimit
        for feed in feeds { await feed.waitUntilTold(until: deadline) }
        await tasks.close()
        await Task(executorPreference: loop) { [membership] in await membership.leave() }.value
        for client in clients {
            client.loop.execute { client.close() }
            await client.loop.barrier()
        }
        loop.execute { [subscriber] in subscriber.close() }
        await loop.barrier()
    }

    var hasNewConnection: Bool { isNew.load(ordering: .relaxed) }

    /// Whether there has been a new connection since the last call.
    func takeIsNew() -> Bool { isNew.exchange(false, ordering: .relaxed) }

    func client(on loop: EventLoop) -> RedisClient { clients[loop.index] }
    func feed(on loop: EventLoop) -> StreamFeed { feeds[loop.index] }

    /// Tells nothing more of the streams that there are: others have ended them.
    func giveUpFeeds() async {
        for feed in feeds {
            feed.loop.execute { feed.giveUp() }
            await feed.loop.barrier()
        }
    }

    /// Tells all of this instance's streams again, as Redis may have forgotten them.
    func restartFeeds() {
        for feed in feeds { feed.loop.execute { feed.restart() } }
    }

    /// Asks for the time that all instances share.
    func measureClock() async throws(RedisError) { try await clock.measure(clients[0]) }

    /// Whether Redis answers, and how long that takes in milliseconds; nil: it does not. To be called on `loop`, a loop of the group.
    func latency(on loop: EventLoop, _ time: any TimeSource) async -> Double? {
        let start = time.monotonicNanoseconds
        guard !membership.isAlone, (try? await client(on: loop).send(["PING"])) != nil else { return nil }
        return Double(time.monotonicNanoseconds - start) / 1e6
    }

    // MARK: Who answers where

    enum Claim: Sendable {
        case claimed
        /// Another stream answers in the session.
        case busy(Running)
        case userLimitReached
        /// Redis cannot tell: this instance decides alone.
        case alone
    }

    /// A stream that runs somewhere.
    struct Running: Sendable {
        var streamID: String
        var instanceID: String
        /// By which the same question is recognised.
        var question: String
    }

    /// Takes the session's place, and one of the user's, for a stream of this instance. To be called on `loop`.
    func claim(_ stream: LiveStream, userLimit: Int, on loop: EventLoop) async -> Claim {
        guard let token = membership.token else { return .alone }
        let reply = try? await client(on: loop).run(
            ClusterScripts.claim,
            keys: [
                .text("session:\(stream.sessionID)"), .text("user:\(stream.userID)"),
                .text("instance:\(membership.id)"),
            ],
            arguments: [
                .text(stream.id), .text(membership.id), .integer(token), .text(stream.question.key),
                .integer(userLimit),
                .text(stream.userID), .text(stream.sessionID),
            ]
        )
        let words = reply?.array?.map { $0.text ?? "" } ?? []
        switch words.first {
        case "claimed": return .claimed
        case "busy" where words.count == 4:
            return .busy(Running(streamID: words[1], instanceID: words[2], question: words[3]))
        case "limit": return .userLimitReached
        default: return .alone
        }
    }

    /// Gives the places of a stream free. To be called on `loop`; nothing waits for it.
    func release(_ stream: LiveStream, on loop: EventLoop) {
        guard let token = membership.token else { return }
        release(
            streamID: stream.id,
            stream.sessionID,
            stream.userID,
            of: Membership.name(membership.id, token),
            on: loop
        )
    }

    func release(streamID: String, _ sessionID: String, _ userID: String, of member: String, on loop: EventLoop) {
        client(on: loop).run(
            ClusterScripts.release,
            keys: [.text("session:\(sessionID)"), .text("user:\(userID)"), .text("members:\(member)")],
            arguments: [.text(streamID)]
        ) { _ in }
    }

    /// The stream that another instance runs in the session.
    func runningElsewhere(sessionID: String, on loop: EventLoop) async -> Running? {
        let reply = try? await client(on: loop).send([
            "HMGET", .text("session:\(sessionID)"), "stream", "instance", "question",
        ])
        guard let words = reply?.array?.map(\.text), words.count == 3, let stream = words[0], let instance = words[1],
            instance != membership.id
        else { return nil }
        return Running(streamID: stream, instanceID: instance, question: words[2] ?? "")
    }

    /// How many streams of other instances are followed here.
    var copyCount: Int { remote.count }

    // MARK: Rates

    /// Takes one of what a caller may do, from a bucket that all instances share.
    ///
    /// - Returns: 0, or how long to wait, in nanoseconds; nil: Redis cannot tell.
    func take(_ bucket: String, cost: Int64, period: Int64, on loop: EventLoop) async -> Int64? {
        guard membership.token != nil else { return nil }
        let reply = try? await client(on: loop).run(
            ClusterScripts.take,
            keys: [.text("rate:\(bucket)")],
            arguments: [.integer(Int(cost / 1000)), .integer(Int(period / 1000))]
        )
        return reply?.integer.map { Int64($0) * 1000 }
    }
}

extension StreamQuestion {
    /// By which another instance recognises the same question: short, and the same everywhere.
    var key: String {
        if let messageID { return "m:\(messageID)" }
        // FNV-1a (64 bits).
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in query.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return "q:\(query.utf8.count):\(hash)"
    }
}
