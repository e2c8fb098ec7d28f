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
    private let clock: RedisClock
    private let metrics: ClusterMetrics
    private let tasks: LoopTasks
    private let logger: Logger
    private var streams: [String: Followed] = [:] {
        didSet { copies.store(streams.count, ordering: .relaxed) }
    }
    private let copies = Atomic(0)

    /// How many there are. From any thread.
    var count: Int { copies.load(ordering: .relaxed) }

    private let messages: InstanceMessages

    /// How often those are let go of that nobody reads, in nanoseconds.
    private static let cleaningInterval: Int64 = 10_000_000_000
    private static let page = 500
    private static let beginning = "-"
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
        /// Behind the last entry that was read, as `XRANGE` takes it.
        var start = RemoteStreams.beginning
        /// Since when nobody reads it, as far as was looked.
        var idleSince: Int64?
        /// When its instance was last heard of it, or it was last asked whether it has ended.
        var heardAt: Int64

        init(_ stream: RemoteStream, at now: Int64) {
            self.stream = stream
            heardAt = now
        }
    }

    init(
        loop: EventLoop,
        client: RedisClient,
        subscriber: RedisSubscriber,
        retainedLimit: Int,
        messages: InstanceMessages,
        clock: RedisClock,
        metrics: ClusterMetrics,
        tasks: LoopTasks,
        logger: Logger
    ) {
        self.loop = loop
        self.client = client
        self.subscriber = subscriber
        self.retainedLimit = retainedLimit
        self.clock = clock
        self.metrics = metrics
        self.logger = logger
        self.messages = messages
        self.tasks = tasks
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
            followed.early = nil
            // What has come meanwhile was let go of with that.
            if followed.stream.log != nil { readAnew(followed) }
        }
    }

    private static func copy(_ followed: Followed) -> Copy? {
        guard let origin = followed.stream.origin, let log = followed.stream.log else { return nil }
        return Copy(origin: origin, log: log)
    }

    private func follow(_ id: String) -> Followed {
        let followed = Followed(RemoteStream(id: id, retainedLimit: retainedLimit), at: loop.now)
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
        case .subscribed, .gap: readAnew(followed)
        case .message(let bytes):
            followed.heardAt = loop.now
            guard let entry = StreamEntry(bytes) else { return }
            if case .sealed = entry {
                // At once, whatever is being read: somebody waits for it, and what is appended later is hidden.
                apply(entry, to: followed)
            } else if followed.early != nil {
                followed.early?.append(entry)
            } else if isLate(entry), followed.stream.lacks(entry) {
                // Redis knows whether it has been stopped.
                tasks.run { await self.catchUpAgain(followed) }
            } else {
                apply(entry, to: followed)
            }
        }
    }

    /// Reads all entries that there are, and then what has come meanwhile. Of what has come late meanwhile only that is shown which Redis has, too.
    private func catchUp(_ followed: Followed) async throws(RedisError) {
        followed.early = followed.early ?? []
        for _ in 0..<Self.mostReadings {
            let (entries, end) = try await readEntries(of: followed)
            let early = followed.early ?? []
            // Readers on other loops would see what comes before a stop, in the moment between the two.
            if entries.contains(where: { if case .sealed = $0 { true } else { false } }) { followed.stream.stop() }
            for entry in entries { apply(entry, to: followed, isOld: true) }
            followed.start = end
            if early.contains(where: { isLate($0) && followed.stream.lacks($0) }) { continue }
            followed.early = nil
            for entry in early { apply(entry, to: followed) }
            return
        }
        throw .unavailable("what comes from it is late")
    }

    /// The entries that there are, but for those that were read before, and where to go on. What Redis has said too long ago does not count as the
    /// last word: the stream may have been stopped since, and whoever stops it waits no longer.
    private func readEntries(of followed: Followed) async throws(RedisError) -> ([StreamEntry], end: String) {
        let key = "stream:\(followed.stream.id)"
        var entries: [StreamEntry] = []
        var start = followed.start
        var slowReplies = 0
        while slowReplies < Self.mostSlowReplies {
            let until = clock.now.map { $0 + StreamFeed.validity }
            let reply = try await client.send([
                "XRANGE", .text(key), .text(start), "+", "COUNT", .integer(Self.page),
            ])
            let rows = reply.array ?? []
            entries += rows.compactMap { $0.array?.last?.array?.last?.bytes.flatMap { StreamEntry($0) } }
            if let last = rows.last?.array?.first?.text { start = "(\(last)" }
            if rows.count == Self.page { continue }
            if !isPast(until) { return (entries, start) }
            slowReplies += 1
        }
        throw .unavailable("it answers too slowly")
    }

    private static let mostReadings = 5
    private static let mostSlowReplies = 5

    /// All of it, as what was read may not be what there is now: Redis may have forgotten it, or been told of it anew.
    private func readAnew(_ followed: Followed) {
        followed.start = Self.beginning
        tasks.run { await self.catchUpAgain(followed) }
    }

    private func catchUpAgain(_ followed: Followed) async {
        for _ in 0..<Self.tries where followed.early == nil && streams[followed.stream.id] === followed {
            do throws(RedisError) {
                return try await catchUp(followed)
            } catch {
                (followed.early, followed.start) = (nil, Self.beginning)
            }
            // The two connections come back one after the other.
            guard (try? await loop.sleep(until: loop.now + Self.retryInterval)) != nil else { return }
        }
    }

    // MARK: Being late

    /// What this process, or Redis, was held up with may have been stopped since: nobody waits for it for longer than `StreamFeed.validity`.
    private func isLate(_ entry: StreamEntry) -> Bool {
        guard case .events(let events) = entry, events.until > 0 else { return false }
        return isPast(events.until)
    }

    /// Whether it is later than that by Redis's clock, as far as it is known.
    private func isPast(_ time: Int64?) -> Bool {
        guard let time, let now = clock.now else { return false }
        return now > time
    }

    private func apply(_ entry: StreamEntry, to followed: Followed, isOld: Bool = false) {
        switch followed.stream.apply(entry) {
        case .applied(let count): metrics.copiedEvents.add(count, ordering: .relaxed)
        case .sealed(let seal, let instance, let request):
            guard !isOld else { return }
            tasks.run {
                await seal?.waitUntilSilent()
                self.messages.tell(instance, .sealed(request: request))
            }
        case .gap: if !isOld { readAnew(followed) }
        case .lost, .malformed:
            logger.warning("a copy of a stream is given up", ["stream_id": .string(followed.stream.id)])
            giveUp(followed)
        }
    }

    // MARK: Letting go

    /// How long a copy that is read may be silent until somebody looks whether the stream has ended meanwhile, in nanoseconds.
    private static let silenceLimit: Int64 = 20_000_000_000
    /// For so many of them at once.
    private static let mostSilent = 100

    /// Copies with readers whose instance has not been heard of for long: Redis may have forgotten them, and the instance be dead. Each is named once
    /// in that time. To be called on the loop.
    func silent() -> [(id: String, copy: Copy)] {
        var silent: [(id: String, copy: Copy)] = []
        for followed in streams.values where loop.now - followed.heardAt >= Self.silenceLimit {
            guard let copy = Self.copy(followed), copy.log.isWatched, !copy.log.hasEnded else { continue }
            followed.heardAt = loop.now
            silent.append((followed.stream.id, copy))
            if silent.count == Self.mostSilent { break }
        }
        return silent
    }

    /// Gives up the copy of a stream, if there is one. To be called on the loop.
    func giveUp(_ id: String) {
        if let followed = streams[id] { giveUp(followed) }
    }

    /// Its readers come again, and find a new one, or what is stored.
    private func giveUp(_ followed: Followed) {
        followed.stream.log?.cut()
        forget(followed)
    }

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
