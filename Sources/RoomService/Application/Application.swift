import Agents
import HTTPServer
import Primitives
import Storage
import Streaming

/// The whole service: built here, once, and passed on. There is no other global state.
struct Application: Sendable {
    let settings: Settings
    let store: any Store
    let tracker: ActiveStreamTracker
    let server: HTTPServer
    /// All that can be asked for.
    let routes: [(method: HTTPMethod, pattern: String)]
    let time: any TimeSource
    let logger: Logger
    private let cluster: Cluster?
    private let readiness: Readiness
    private let backlog: StoreBacklog
    private let housekeeping: Housekeeping
    private let housekeepingTask: Task<Void, Never>

    /// Builds the service over an open store, and serves from then on. To be called on one of the group's loops, `loop`.
    ///
    /// - Parameters:
    ///   - storeIsReachable: false where the store is away, and that has been told.
    ///   - address: where it has been taken before.
    /// - Throws: `SystemError` when the address is not to be had, `StoreError` when the store fails at the start.
    init(
        settings: Settings,
        store: any Store,
        storeIsReachable: Bool = true,
        at address: ServerAddress? = nil,
        group: EventLoopGroup,
        loop: EventLoop,
        agents: AgentRegistry,
        files: StaticFiles = StaticFiles(),
        time: any TimeSource,
        ids: any IdentifierGenerator = RandomIdentifierGenerator(),
        logger: Logger
    ) async throws {
        self.settings = settings
        self.store = store
        self.time = time
        self.logger = logger
        readiness = Readiness()
        tracker = settings.tracker(time)
        backlog = StoreBacklog()
        let instanceID = ids.token(prefix: "instance_")
        let cluster = try settings.cluster(group, instanceID: instanceID, tracker: tracker, logger: logger)
        self.cluster = cluster
        let serverConfiguration = settings.server
        let metrics = ServiceMetrics(agents)
        let store = MeasuredStore(store, roomCreations: metrics.roomCreations, time: time)
        let (service, chat) = ServiceAssembly(
            settings: settings,
            store: store,
            agents: agents,
            files: files,
            tracker: tracker,
            cluster: cluster,
            backlog: backlog,
            readiness: readiness,
            metrics: metrics,
            serverMetrics: serverConfiguration.metrics,
            instanceID: instanceID,
            group: group,
            time: time,
            ids: ids,
            logger: logger
        ).service()
        routes = service.router.routes
        let watch = StoreWatch(
            store: store,
            tracker: tracker,
            instanceID: instanceID,
            time: time,
            logger: logger,
            isKnownToBeAway: !storeIsReachable
        )
        // Before anybody is served: no running answer of a store that is not shared can be anybody's yet.
        if !store.isShared { try await watch.interruptOrphans() }
        cluster?.start { message in await chat.handle(message, on: loop) }
        server = try await HTTPServer(serverConfiguration, at: address, group: group, service: service)
        let checkpointer = Checkpointer(
            store: store,
            tracker: tracker,
            backlog: backlog,
            instanceID: instanceID,
            memoryLimit: settings.streamMemory,
            time: time,
            logger: logger
        )
        let housekeeping = Housekeeping(
            store: store,
            tracker: tracker,
            checkpointer: checkpointer,
            watch: watch,
            cluster: cluster.map { ClusterWatch(cluster: $0, chat: chat, logger: logger) },
            time: time,
            logger: logger
        )
        self.housekeeping = housekeeping
        housekeepingTask = Task(executorPreference: loop) { await housekeeping.run(on: loop) }
    }
}

extension Application {
    /// How long clients may take to read the last events after all streams have ended, in nanoseconds.
    private static let farewellTime: Int64 = 2_000_000_000

    /// Lets those go who wait for streams, one after the other over most of the drain time: all of them at once would
    /// come back at once.
    private func dismissFollowers(on loop: EventLoop) async {
        let steps = Int(settings.drain.wholeNanoseconds * 8 / 10 / Self.dismissalInterval)
        let share = max(Self.smallestDismissal, tracker.followerCount / max(1, steps) + 1)
        while tracker.endFollowers(atMost: share) == share {
            guard (try? await loop.sleep(until: loop.now + Self.dismissalInterval)) != nil else { return }
        }
    }

    private static let dismissalInterval: Int64 = 100_000_000
    private static let smallestDismissal = 100

    /// Ends the service: accepts no more, lets streams finish until the drain time is over, marks the rest interrupted
    /// with their text, gives up on those that the store does not take, and closes it. To be called on one of the group's loops, `loop`.
    func shutDown(on loop: EventLoop) async {
        logger.info("shutting down", ["streams": .integer(tracker.runningCount)])
        readiness.drain()
        tracker.drain()
        server.drain()
        let deadline = loop.now + settings.drain.wholeNanoseconds
        let limit = Task(executorPreference: loop) { [tracker, backlog, store] in
            guard (try? await loop.sleep(until: deadline)) != nil else { return }
            for stream in tracker.running { _ = await stream.cancel(.interrupted, by: .shutdown) }
            // Ends that the store has not taken by now are the next start's, or another instance's, to put right.
            await backlog.offer(to: store)
            backlog.close()
        }
        let dismissal = Task(executorPreference: loop) { await dismissFollowers(on: loop) }
        for stream in tracker.running { await stream.waitUntilEnded() }
        limit.cancel()
        await limit.value
        await dismissal.value
        let farewell = loop.now + Self.farewellTime
        let closing = Task(executorPreference: loop) { [server] in
            guard (try? await loop.sleep(until: farewell)) != nil else { return }
            server.closeAll()
        }
        await server.waitUntilDrained()
        closing.cancel()
        await closing.value
        housekeepingTask.cancel()
        await housekeepingTask.value
        await cluster?.close()
        await store.close()
        logger.info("shut down")
    }
}
