import HTTPServer
import Primitives
import Redis
import Streaming
import Synchronization

/// The streams of other instances that somebody here wants to read: one copy and one subscription for each, however many read it.
///
/// `@unchecked Sendable`: confined to `loop`, but for `copy(of:)`, which goes there, and `count`.
final class RemoteStreams: @unchecked Sendable {
    private let loop: EventLoop
    private let client: RedisClient
    private let subscriber: RedisSubscriber
    private let retainedLimit: Int
    private let metrics: ClusterMetrics
    private let logger: Logger
    private var streams: [String: Followed] = [:] {
        didSet { copies.store(streams.count, ordering: .relaxed) }
    }
    private let copies = Atomic(0)
    private var lastTick: Int64 = .max

    /// How many there are. From any thread.
    var count: Int { copies.load(ordering: .relaxed) }

    private let messages: InstanceMessages

    /// How often those are let go of that nobody reads, in nanoseconds.
    private static let cleaningInterval: Int64 = 10_000_000_000
    private static let page = 500
    /// How often Redis is asked again, and after how many nanoseconds each time.
    private static let tries = 20
    private static let retryInterval: Int64 = 250_000_000

    /// `@unchecked Sendable`: confined to the loop like all around it.
    private final class Followed: @unchecked Sendable {
        let stream: RemoteStream
        var subscription: RedisSubscriber.Subscription?
        /// What comes before all that there was has been read. Nil: it has been.
        var early: [StreamEntry]? = []
        /// Reads what there is; whoever wants the copy waits for it.
        var reading: Task<Void, Never>?
        /// Since when nobody reads it, as far as was looked.
        var idleSince: Int64?

        init(_ stream: RemoteStream) {
            self.stream = stream
        }
    }

    init(
        loop: EventLoop,
        client: RedisClient,
        subscriber: RedisSubscriber,
        retainedLimit: Int,
        messages: InstanceMessages,
        metrics: ClusterMetrics,
        logger: Logger
    ) {
        self.loop = loop
        self.client = client
        self.subscriber = subscriber
        self.retainedLimit = retainedLimit
        self.metrics = metrics
        self.logger = logger
        self.messages = messages
    }

    /// A copy that can be read.
    struct Copy: Sendable {
        let origin: StreamOrigin
        let log: StreamLog
    }

    /// The copy of a stream, as far as it has come; nil when there is no such stream, or Redis cannot tell.
    func copy(of id: String) async -> Copy? {
        await Task(executorPreference: loop) { await self.copyOnLoop(of: id) }.value
    }

    private func copyOnLoop(of id: String) async -> Copy? {
        let followed = streams[id] ?? follow(id)
        await followed.reading?.value
        guard let copy = Self.copy(followed) else {
            forget(followed)
            return nil
        }
        return copy
    }

    private func read(_ followed: Followed) async {
        do throws(RedisError) {
            if let subscription = followed.subscription { try await subscriber.confirmation(of: subscription) }
            try await catchUp(followed)
        } catch {
            logger.debug("stream not followed", ["stream_id": .string(followed.stream.id), "error": .error(error)])
            // What it has of the stream goes on with the next return of the connection.
            followed.early = nil
        }
    }

    private static func copy(_ followed: Followed) -> Copy? {
        guard let origin = followed.stream.origin, let log = followed.stream.log else { return nil }
        return Copy(origin: origin, log: log)
    }

    private func follow(_ id: String) -> Followed {
        let followed = Followed(RemoteStream(id: id, retainedLimit: retainedLimit))
        streams[id] = followed
        followed.subscription = subscriber.subscribe("events:\(id)") { [weak self, weak followed] event in
            guard let self, let followed else { return }
            hear(event, of: followed)
        }
        followed.reading = Task(executorPreference: loop) {
            await self.read(followed)
            followed.reading = nil
        }
        return followed
    }

    private func forget(_ followed: Followed) {
        if let subscription = followed.subscription { subscriber.unsubscribe(subscription) }
        followed.subscription = nil
        if streams[followed.stream.id] === followed { streams[followed.stream.id] = nil }
    }

    // MARK: Reading

    private func hear(_ event: RedisSubscriber.Event, of followed: Followed) {
        switch event {
        case .subscribed where followed.reading != nil: break
        case .subscribed, .gap: Task(executorPreference: loop) { await self.catchUpAgain(followed) }
        case .message(let bytes):
            guard !wasHeldUp() else { return }
            guard let entry = StreamEntry(bytes) else { return }
            if followed.early != nil { followed.early?.append(entry) } else { apply(entry, to: followed) }
        }
    }

    /// Reads all entries that there are, and then what has come meanwhile.
    private func catchUp(_ followed: Followed) async throws(RedisError) {
        followed.early = followed.early ?? []
        var start = "-"
        while true {
            let reply = try await client.send([
                "XRANGE", .text("stream:\(followed.stream.id)"), .text(start), "+", "COUNT", .integer(Self.page),
            ])
            let rows = reply.array ?? []
            for row in rows {
                guard let bytes = row.array?.last?.array?.last?.bytes, let entry = StreamEntry(bytes) else { continue }
                apply(entry, to: followed, isOld: true)
            }
            guard rows.count == Self.page, let last = rows.last?.array?.first?.text else { break }
            start = "(\(last)"
        }
        let early = followed.early ?? []
        followed.early = nil
        for entry in early { apply(entry, to: followed) }
    }

    private func catchUpAgain(_ followed: Followed) async {
        for _ in 0..<Self.tries where followed.early == nil && streams[followed.stream.id] === followed {
            do throws(RedisError) {
                return try await catchUp(followed)
            } catch {
                followed.early = nil
            }
            // The two connections come back one after the other.
            guard (try? await loop.sleep(until: loop.now + Self.retryInterval)) != nil else { return }
        }
    }

    private func apply(_ entry: StreamEntry, to followed: Followed, isOld: Bool = false) {
        switch followed.stream.apply(entry) {
        case .applied(let count): metrics.copiedEvents.add(count, ordering: .relaxed)
        case .sealed(let seal, let instance, let request):
            guard !isOld else { return }
            Task(executorPreference: loop) {
                await seal?.waitUntilSilent()
                self.messages.tell(instance, .sealed(request: request))
            }
        case .gap: if !isOld { Task(executorPreference: loop) { await self.catchUpAgain(followed) } }
        case .lost, .malformed:
            logger.warning("a copy of a stream is given up", ["stream_id": .string(followed.stream.id)])
            // Its readers come again, and find a new one.
            followed.stream.log?.cut()
            forget(followed)
        }
    }

    // MARK: Being held up

    /// A process that was paused finds what was told meanwhile, of streams that have been stopped since: nobody waits for it for longer than a second. It
    /// shows none of that; its readers come again.
    private static let stallLimit: Int64 = 800_000_000
    private static let tick: Int64 = 100_000_000

    private func wasHeldUp() -> Bool {
        guard lastTick < .max, loop.now - lastTick > Self.stallLimit else { return false }
        logger.warning("held up: copies of other instances' streams are given up", ["streams": .integer(streams.count)])
        lastTick = loop.now
        for followed in streams.values {
            followed.stream.log?.cut()
            forget(followed)
        }
        return true
    }

    /// Runs until its task is cancelled.
    func watchTime() async {
        repeat { lastTick = loop.now } while (try? await loop.sleep(until: loop.now + Self.tick)) != nil
    }

    // MARK: Letting go

    /// Runs until its task is cancelled.
    func run() async {
        while (try? await loop.sleep(until: loop.now + Self.cleaningInterval)) != nil {
            for followed in streams.values where followed.early == nil { clean(followed) }
        }
    }

    private func clean(_ followed: Followed) {
        guard let log = followed.stream.log, !log.isWatched else {
            followed.idleSince = nil
            return
        }
        guard let since = followed.idleSince else {
            followed.idleSince = loop.now
            return
        }
        if loop.now - since >= Self.cleaningInterval { forget(followed) }
    }
}
