import Agents
import HTTPServer
import Primitives
import Redis
import RedisTestSupport
import Storage
import Streaming
import Synchronization

@testable import RoomService

/// An instance of the service without its HTTP server, by a clock that the test moves.
final class TestInstance: Sendable {
    let id: String
    let group: EventLoopGroup
    let cluster: Cluster
    let chat: ChatService
    let tracker: ActiveStreamTracker
    /// What its agent says.
    let mouth = Mouth()
    let log = MemorySink()
    /// How often it has asked the store to end an answer, and whether the store does.
    let ends = EndFaults(0)
    private let logger: Logger
    private let watching = Mutex<Task<Void, Never>?>(nil)

    var loop: EventLoop { group.loops[0] }
    var membership: Membership { cluster.membership }
    var name: String { Membership.name(id, membership.token ?? 0) }

    init(_ id: String, _ redis: RedisAddress, store: any Store, time: ManualTimeSource) throws {
        self.id = id
        let group = try EventLoopGroup(count: 1, time: time)
        self.group = group
        let logger = Logger(level: .info, format: .text, time: time, sink: log)
        self.logger = logger
        let retention = Duration.seconds(300)
        tracker = ActiveStreamTracker(
            limits: .init(streams: 1000, streamsPerUser: 1000),
            retention: StreamRetention(time: retention.wholeNanoseconds, memory: 64 << 20),
            time: time
        )
        cluster = Cluster(
            redis,
            group: group,
            instanceID: id,
            retention: retention.wholeNanoseconds,
            logLimit: 1 << 20,
            tracker: tracker,
            options: .patient,
            logger: logger
        )
        let shared = FaultyStore(store, ends: ends, isShared: true)
        let (limiter, ids) = (RateLimiter(.off, time: time), RandomIdentifierGenerator())
        let agents = AgentRegistry(default: PatientAgent(mouth: mouth))
        chat = ChatService(
            store: shared,
            sessions: SessionService(
                store: shared,
                rateLimiter: limiter,
                ids: ids,
                time: time,
                roomLimit: 1000,
                timeout: .seconds(3600),
                idleTime: .seconds(3600)
            ),
            agents: agents,
            metrics: ServiceMetrics(agents),
            tracker: tracker,
            cluster: cluster,
            backlog: StoreBacklog(),
            rateLimiter: limiter,
            ids: ids,
            time: time,
            logger: logger,
            instanceID: id,
            contextLimit: 10_000,
            answerLimit: 1 << 20,
            logLimit: 1 << 20,
            loopCount: 1
        )
    }

    /// Becomes a member that hears what others tell it.
    func start() async throws {
        cluster.start { [chat, loop] message in await chat.handle(message, on: loop) }
        try await wait { await isConnected }
        try await wait { try await subscriberCount(of: InstanceMessages.channel(of: id)) == 1 }
        _ = try await Task(executorPreference: loop) { try await self.membership.renew(on: self.loop) }.value
    }

    func onLoop<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await Task(executorPreference: loop) { body() }.value
    }

    var isConnected: Bool {
        get async { await onLoop { self.cluster.client(on: self.loop).isConnected } }
    }

    /// How many listen to a channel, seen by this instance's client.
    func subscriberCount(of channel: String) async throws -> Int {
        let client = cluster.client(on: loop)
        return try await client.ask(["PUBSUB", "NUMSUB", .text(channel)]).array?.last?.integer ?? 0
    }

    // MARK: What it does

    var clusterWatch: ClusterWatch { ClusterWatch(cluster: cluster, chat: chat, logger: logger) }

    func watch() {
        let watch = clusterWatch
        let task = Task(executorPreference: loop) { [loop] in await watch.run(on: loop) }
        watching.withLock { $0 = task }
    }

    func endWatch() async {
        let task = watching.withLock { watching in
            defer { watching = nil }
            return watching
        }
        task?.cancel()
        await task?.value
    }

    /// Asks a question; its answer is a stream of this instance.
    func ask(_ session: String, _ query: String = "Why?") async throws -> LiveStream {
        guard case .stream(let stream) = try await answer(session, query) else { throw WaitedInVain() }
        return stream
    }

    /// What a client is given that asks a question, with an id where it has one.
    func answer(_ session: String, _ query: String = "Why?", messageID: String? = nil) async throws
        -> ChatService.Answer
    {
        try await Task(executorPreference: loop) { [chat, loop] in
            let question = ChatQuestion(
                query: query,
                sessionID: session,
                agentType: AgentRegistry.automatic,
                context: [:],
                messageID: messageID,
                joinsSameQuery: false,
                faultLocation: "body"
            )
            return try await chat.ask(question, on: loop)
        }.value
    }

    /// What is left of a stream behind one of its events, by default the first.
    func resume(_ streamID: String, after sequence: Int = 0, session: String) async throws -> ChatService.Resumption {
        try await Task(executorPreference: loop) { [chat, loop] in
            let event = StreamEventID(streamID: streamID, sequence: sequence)
            return try await chat.resume(after: event, sessionID: session, userID: nil, roomID: nil, on: loop)
        }.value
    }

    func stop(_ session: String, streamID: String? = nil) async throws -> ChatService.Stopped? {
        try await Task(executorPreference: loop) { [chat, loop] in
            try await chat.stop(sessionID: session, streamID: streamID, on: loop)
        }.value
    }

    /// The lines of its log that have this in them.
    func lines(_ text: String) -> [String] { log.lines.filter { $0.contains(text) } }

    /// Ends its answers, and leaves.
    func close(_ time: ManualTimeSource) async {
        await endWatch()
        mouth.close()
        let isClosed = Flag()
        await withTaskGroup { tasks in
            tasks.addTask {
                for stream in self.tracker.running {
                    await stream.cancel(.interrupted)
                    await stream.waitUntilEnded()
                }
                await self.cluster.close()
                isClosed.raise()
            }
            while !isClosed.isRaised {
                time.advance(by: .milliseconds(10))
                await loop.barrier()
            }
        }
        group.stop()
    }
}
