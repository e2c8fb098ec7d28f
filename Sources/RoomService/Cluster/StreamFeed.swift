import HTTPServer
import Primitives
import Redis
import Streaming
import Synchronization

/// A stream of this instance, as far as others know of it. Confined to its loop.
///
/// `@unchecked Sendable`: see above.
final class FedStream: @unchecked Sendable {
    let stream: LiveStream
    fileprivate let origin: StreamOrigin
    /// How far Redis has it, and how far it has been sent there.
    fileprivate var acknowledged = CopyPlace()
    fileprivate var sent = CopyPlace()
    /// Whether the next entry is to make a new beginning.
    fileprivate var needsBeginning = true
    /// Whether that is not the log's own.
    fileprivate var isBehind = false
    /// How much was told since the last beginning, in bytes, and where that was.
    fileprivate var toldBytes = 0
    fileprivate var beganAt = 0
    fileprivate var isDirty = false
    /// Others have ended it: nothing more is told of it.
    fileprivate var isGivenUp = false
    fileprivate var eventCount = 0
    fileprivate var endedAt: Int64?
    fileprivate var isDone: Bool { endedAt != nil && acknowledged.sequence >= stream.log.eventCount }

    init(_ stream: LiveStream) {
        self.stream = stream
        origin = StreamOrigin(stream)
    }
}

/// Tells Redis the events of one loop's streams: many streams with one command, at the latest 10 ms or 64 events after they were made.
///
/// `@unchecked Sendable`: confined to its loop; from elsewhere only `loop.execute` is used.
final class StreamFeed: LoopWork, @unchecked Sendable {
    let loop: EventLoop
    private let client: RedisClient
    private let membership: Membership
    private let retention: Int
    private let keptBytes: Int
    private var dirty: [FedStream] = []
    private var streams: [String: FedStream] = [:]
    private var timer: EventLoop.Timer?
    /// One command at a time: what comes meanwhile goes with the next one, and order is kept whatever fails.
    private var isSending = false
    private let clock: RedisClock
    private let metrics: ClusterMetrics
    /// When something was sent last, in monotonic nanoseconds. From any thread.
    let sentAt = Atomic(Int64.min)

    /// For how long what was told may be under way, to Redis and from there to whoever follows it, in milliseconds.
    static let validity: Int64 = 800

    /// How long the end of a stream waits for a Redis that is away, in nanoseconds.
    private static let patience: Int64 = 120_000_000_000
    private static let longestWait: Int64 = 10_000_000
    private static let mostEvents = 64
    /// After how long it is tried again where Redis has refused something, in nanoseconds.
    private static let retryInterval: Int64 = 500_000_000
    /// For one stream, and for one command, in bytes.
    private static let streamLimit = 1 << 18
    private static let commandLimit = 1 << 20
    /// How long a stream is kept while it runs, in milliseconds.
    private static let keptWhileRunning = 86_400_000

    /// - Parameters:
    ///   - retention: how long an ended stream is kept, in nanoseconds.
    ///   - keptBytes: how much is kept of one stream's events.
    init(
        loop: EventLoop,
        client: RedisClient,
        membership: Membership,
        retention: Int64,
        keptBytes: Int,
        clock: RedisClock,
        metrics: ClusterMetrics
    ) {
        self.clock = clock
        self.keptBytes = keptBytes
        self.loop = loop
        self.client = client
        self.membership = membership
        self.retention = max(1000, Int(retention / 1_000_000))
        self.metrics = metrics
    }

    /// Whether this instance may have been replaced.
    var isInDoubt: Bool { membership.isInDoubt(at: loop.now) }

    /// Begins to tell of a stream, which has its first event.
    func begin(_ stream: LiveStream) -> FedStream {
        let fed = FedStream(stream)
        streams[stream.id] = fed
        mark(fed, isUrgent: true)
        return fed
    }

    /// A stream has another event.
    ///
    /// - Parameter isUrgent: whether it must not wait for others.
    func mark(_ fed: FedStream, isUrgent: Bool = false) {
        guard !fed.isGivenUp else { return }
        fed.eventCount += 1
        if !fed.isDirty { keep(fed) }
        if isUrgent || fed.eventCount >= Self.mostEvents {
            loop.flush(self)
        } else if timer == nil {
            timer = loop.schedule(self, at: loop.now + Self.longestWait)
        }
    }

    /// A stream has its last event.
    func end(_ fed: FedStream) {
        fed.endedAt = loop.now
        mark(fed, isUrgent: true)
    }

    /// Tells the last entry of a stream that another instance has left behind, or several that stand in for all before. To be called on the loop.
    ///
    /// - Returns: whether Redis knew the stream, and has told its followers.
    func tell(_ entries: [StreamEntry], of streamID: String) async throws(RedisError) -> Bool {
        guard let token = membership.token else { return false }
        var command = AppendCommand(instanceID: membership.id, token: token)
        for (place, entry) in entries.enumerated() {
            command.add(entry, of: streamID, begins: entries.count > 1 && place == 0, keptFor: retention)
        }
        let reply = try await client.run(ClusterScripts.append, keys: command.keys, arguments: command.arguments)
        return reply.array?.first?.integer == 1
    }

    /// Returns when Redis has all that there was to be told, or cannot be told, or at the monotonic time `deadline`, in nanoseconds.
    func waitUntilTold(until deadline: Int64) async {
        await Task(executorPreference: loop) {
            // Once, at the end: a look now and then is enough.
            while self.isSending || !self.dirty.isEmpty, self.membership.token != nil, self.client.isConnected,
                self.loop.now < deadline, (try? await self.loop.sleep(until: self.loop.now + Self.lookInterval)) != nil
            {}
            // What has been sent before, to give places free, has arrived when this is answered.
            _ = try? await self.client.send(["PING"])
        }.value
    }

    private static let lookInterval: Int64 = 2_000_000

    /// Tells all again: Redis may have forgotten them.
    func restart() {
        for fed in streams.values {
            fed.sent = fed.acknowledged
            // Of a stream that has nothing new the last event is told once more: Redis says then whether it has the others.
            let last = fed.sent.sequence - 1
            if last + 1 == fed.stream.log.eventCount, case .cursor(let cursor) = fed.stream.log.place(before: last) {
                (fed.sent.cursor, fed.sent.sequence) = (cursor, last)
            }
            mark(fed, isUrgent: true)
        }
    }

    /// Tells nothing more of the streams that there are.
    func giveUp() {
        for fed in streams.values { fed.isGivenUp = true }
        streams = [:]
        dirty = []
    }

    func run(on loop: EventLoop) {
        if let timer { loop.cancel(timer) }
        timer = nil
        guard !isSending, !dirty.isEmpty, let token = membership.token else { return }
        let until = clock.now.map { $0 + Self.validity } ?? 0
        var command = AppendCommand(instanceID: membership.id, token: token, until: until)
        var rest: [FedStream] = []
        // Whose the entries are, in order.
        var told: [FedStream] = []
        for fed in dirty {
            guard command.byteCount < Self.commandLimit else {
                rest.append(fed)
                continue
            }
            fed.isDirty = addEntries(of: fed, to: &command, &told)
            if fed.isDirty { rest.append(fed) }
        }
        dirty = rest
        guard !told.isEmpty else { return }
        isSending = true
        metrics.commands.add(1, ordering: .relaxed)
        metrics.entries.add(told.count, ordering: .relaxed)
        if client.isConnected { sentAt.store(loop.now, ordering: .relaxed) }
        client.run(ClusterScripts.append, keys: command.keys, arguments: command.arguments) { [self, told] reply in
            didSend(told, reply)
        }
    }

    /// - Returns: whether there is more of it.
    private func addEntries(of fed: FedStream, to command: inout AppendCommand, _ told: inout [FedStream]) -> Bool {
        fed.eventCount = 0
        let log = fed.stream.log
        while true {
            if fed.needsBeginning {
                let (answer, place) = fed.isBehind ? log.whole : ([], CopyPlace())
                fed.sent = place
                fed.needsBeginning = false
                (fed.toldBytes, fed.beganAt) = (0, place.sequence)
                let entry = StreamEntry.whole(fed.origin, sequence: place.sequence, answer: answer)
                command.add(entry, of: fed.stream.id, begins: true, keptFor: Self.keptWhileRunning)
                told.append(fed)
            }
            let first = fed.sent.sequence
            var events: [UInt8] = []
            // What is too long is told to its end, so that its text can take its place.
            let limit = fed.toldBytes > keptBytes ? Int.max : Self.streamLimit
            switch log.copyEvents(from: &fed.sent, to: &events, limit: limit) {
            case .upToDate:
                // One event behind a beginning stays, however long it is: a terminal one has all of the text again.
                guard fed.toldBytes > keptBytes, fed.sent.sequence > fed.beganAt + 1 else { return false }
                addNewBeginning(of: fed, to: &command, &told)
            // What a log has let go of is told as text.
            case .gone: (fed.needsBeginning, fed.isBehind) = (true, true)
            case .copied(let areHidden):
                let hasMore = fed.sent.sequence < log.eventCount
                fed.toldBytes += events.count
                let entry = StreamEntry.Events(
                    first: first,
                    next: fed.sent.sequence,
                    bytes: events,
                    until: command.until,
                    areHidden: areHidden
                )
                command.add(.events(entry), of: fed.stream.id, keptFor: log.hasEnded && !hasMore ? retention : 0)
                told.append(fed)
                if fed.toldBytes <= keptBytes { return hasMore }
            }
        }
    }

    /// What is kept of a long stream is replaced by its text now and then, so that it does not grow without bound. Those who follow it have all of
    /// that. A terminal event comes behind it once more.
    private func addNewBeginning(of fed: FedStream, to command: inout AppendCommand, _ told: inout [FedStream]) {
        let (answer, place) = fed.stream.log.whole
        fed.sent = place
        // Not what it takes, which may be more than the limit for good.
        (fed.toldBytes, fed.beganAt) = (0, place.sequence)
        let entry = StreamEntry.whole(fed.origin, sequence: place.sequence, answer: answer)
        command.add(entry, of: fed.stream.id, begins: true, keptFor: Self.keptWhileRunning)
        told.append(fed)
    }

    private func didSend(_ told: [FedStream], _ reply: RedisConnection.Reply) {
        isSending = false
        if case .success(.array(let results)) = reply, results.count == told.count {
            for fed in told {
                if fed.acknowledged == CopyPlace() { announce(fed) }
                fed.acknowledged = fed.sent
            }
            for (fed, result) in zip(told, results) where result.integer != 1 {
                // Redis has forgotten it: it is told from the start.
                (fed.sent, fed.acknowledged) = (CopyPlace(), CopyPlace())
                (fed.needsBeginning, fed.isBehind) = (true, false)
                mark(fed, isUrgent: true)
            }
            for fed in told where fed.isDone { streams[fed.stream.id] = nil }
            if !dirty.isEmpty { loop.flush(self) }
        } else {
            // It is told again when this instance is a member again. Its own readers miss nothing meanwhile.
            for fed in told {
                fed.sent = fed.acknowledged
                fed.needsBeginning = fed.sent == CopyPlace()
                if fed.endedAt.map({ loop.now - $0 > Self.patience }) == true {
                    streams[fed.stream.id] = nil
                } else if !fed.isDirty, !fed.isGivenUp {
                    keep(fed)
                }
            }
            // It was under way for too long: it is told anew, as it is by then. Not at once, as that may be late, too, until the clock is
            // measured again. Else nobody may hear of it when Redis takes it again: it may have been without memory for a moment.
            let wait = if case .success(.integer) = reply { Self.longestWait } else { Self.retryInterval }
            if timer == nil, !dirty.isEmpty { timer = loop.schedule(self, at: loop.now + wait) }
        }
    }

    /// Those who follow its session can find it now.
    private func announce(_ fed: FedStream) {
        client.send(["PUBLISH", .text("began:\(fed.stream.sessionID)"), .text(fed.stream.id)]) { _ in }
    }

    private func keep(_ fed: FedStream) {
        fed.isDirty = true
        dirty.append(fed)
    }
}
