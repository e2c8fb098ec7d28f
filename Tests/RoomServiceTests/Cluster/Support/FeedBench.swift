import Primitives
import Redis
import RedisTestSupport
import Streaming
import Testing

@testable import RoomService

/// A feed over a real Redis, by a clock that the test moves, and the member whose streams it tells.
struct FeedBench: Sendable {
    let redis: RedisPeers
    let member: Member
    let feed: StreamFeed
    /// Not measured: what is told has no time limit until the test does that.
    let clock: RedisClock
    let metrics: ClusterMetrics

    /// - Parameters:
    ///   - retention: how long an ended stream is kept, in milliseconds.
    ///   - keptBytes: how much is kept of one stream's events.
    static func run(
        retention: Int = 5000,
        keptBytes: Int = 1 << 20,
        _ body: @Sendable (FeedBench) async throws -> Void
    ) async throws {
        try await RedisPeers.run(time: ManualTimeSource()) { redis in
            let member = try await redis.member("a")
            let metrics = ClusterMetrics()
            let clock = RedisClock(time: member.client.loop.time)
            let feed = StreamFeed(
                loop: member.client.loop,
                client: member.client,
                membership: member.membership,
                retention: Int64(retention) * 1_000_000,
                keptBytes: keptBytes,
                clock: clock,
                metrics: metrics
            )
            try await body(FeedBench(redis: redis, member: member, feed: feed, clock: clock, metrics: metrics))
        }
    }

    /// Commands so far.
    var commandCount: Int { metrics.commands.load(ordering: .relaxed) }

    /// A stream with its first event, which is told.
    func begin(_ id: String, retainedLimit: Int = .max) async -> FedTestStream {
        let stream = FedTestStream(id, feed, retainedLimit: retainedLimit)
        await onLoop { stream.begin() }
        return stream
    }

    func onLoop(_ body: @escaping @Sendable () -> Void) async { await member.client.onLoop(body) }

    /// Moves the clock until all that there is of a stream has been told.
    func waitUntilTold(_ stream: FedTestStream) async throws {
        for _ in 0..<1000 {
            if try await redis.copy(of: stream.id)?.log?.eventCount == stream.log.eventCount { return }
            try await redis.advance(milliseconds: 10)
        }
        throw WaitedInVain()
    }

    /// Has the member join again, and tells all again, as `ClusterWatch` does.
    func rejoin() async throws {
        #expect(try await member.renew() == .joined)
        try await redis.holdLease(ofMember: member.name)
        await onLoop { [feed] in feed.restart() }
    }
}

/// A stream whose events the test makes. Confined to the feed's loop, but for what is constant.
final class FedTestStream: @unchecked Sendable {
    let live: LiveStream
    private let feed: StreamFeed
    private var encoder: StreamEventEncoder
    private var fed: FedStream?

    var id: String { live.id }
    var log: StreamLog { live.log }

    init(_ id: String, _ feed: StreamFeed, retainedLimit: Int) {
        live = LiveStream(
            id: id,
            conversationID: "conv_\(id)",
            sessionID: "session_\(id)",
            roomID: "room",
            userID: "ann",
            agentType: "assistant",
            question: StreamQuestion(query: "Why?", messageID: nil),
            startedAt: Timestamp(milliseconds: 0),
            retainedLimit: retainedLimit
        )
        self.feed = feed
        encoder = StreamEventEncoder(streamID: id, agentType: "assistant")
    }

    func begin() {
        encoder.encode(status: "started")
        _ = log.append(encoder.bytes)
        fed = feed.begin(live)
    }

    func append(_ text: String, isUrgent: Bool = false) {
        encoder.encodeContent(Array(text.utf8))
        if log.append(encoder.bytes, content: Array(text.utf8)), let fed { feed.mark(fed, isUrgent: isUrgent) }
    }

    func end(_ end: ReplyEnd = .complete()) {
        encoder.encodeTerminal(end, answer: log.answer)
        log.end(encoder.bytes)
        if let fed { feed.end(fed) }
    }

    /// The bytes of all its events.
    var bytes: [UInt8] { log.allBytes }
}

extension StreamLog {
    /// The bytes of all events, as far as they are held.
    var allBytes: [UInt8] {
        var place = CopyPlace()
        var bytes: [UInt8] = []
        while case .copied = copyEvents(from: &place, to: &bytes, limit: .max) {}
        return bytes
    }
}

extension RedisPeers {
    /// A copy of a stream from what Redis holds of it; nil: nothing.
    func copy(of streamID: String) async throws -> RemoteStream? {
        let entries = try await entries(of: streamID)
        guard !entries.isEmpty else { return nil }
        let copy = RemoteStream(id: streamID, retainedLimit: .max)
        for entry in entries {
            guard case .applied = copy.apply(entry) else { throw BrokenStream(entries: entries) }
        }
        return copy
    }
}

/// What Redis holds cannot be read from its beginning.
struct BrokenStream: Error {
    var entries: [StreamEntry]
}
