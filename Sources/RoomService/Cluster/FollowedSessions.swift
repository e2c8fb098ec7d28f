import HTTPServer
import Redis
import Streaming

/// The sessions that clients of this instance follow: it hears which streams other instances begin in them.
///
/// `@unchecked Sendable`: confined to `loop`, but for `follow`, which goes there.
final class FollowedSessions: @unchecked Sendable {
    private let instanceID: String
    private let loop: EventLoop
    private let client: RedisClient
    private let subscriber: RedisSubscriber
    private let remote: RemoteStreams
    private let tracker: ActiveStreamTracker
    private let tasks: LoopTasks
    private var subscriptions: [String: Entry] = [:]

    private struct Entry {
        var subscription: RedisSubscriber.Subscription
        /// When it was last asked for.
        var askedAt: Int64
    }

    /// How often Redis is asked again, and after how many nanoseconds each time.
    private static let tries = 20
    private static let retryInterval: Int64 = 250_000_000
    /// How often those are let go of that nobody follows, in nanoseconds.
    private static let cleaningInterval: Int64 = 10_000_000_000

    init(
        instanceID: String,
        loop: EventLoop,
        client: RedisClient,
        subscriber: RedisSubscriber,
        remote: RemoteStreams,
        tracker: ActiveStreamTracker,
        tasks: LoopTasks
    ) {
        self.instanceID = instanceID
        self.loop = loop
        self.client = client
        self.subscriber = subscriber
        self.remote = remote
        self.tracker = tracker
        self.tasks = tasks
    }

    /// From now on streams are heard of that others begin in the session, and the one that runs there.
    func follow(_ sessionID: String) async {
        await Task(executorPreference: loop) { await self.followOnLoop(sessionID) }.value
    }

    private func followOnLoop(_ sessionID: String) async {
        if let known = subscriptions[sessionID] {
            subscriptions[sessionID] = Entry(subscription: known.subscription, askedAt: loop.now)
        } else {
            let subscription = subscriber.subscribe("began:\(sessionID)") { [weak self] event in
                guard let self else { return }
                tasks.run {
                    switch event {
                    case .message(let bytes): await self.announce(String(decoding: bytes, as: UTF8.self), sessionID)
                    case .gap, .subscribed: await self.announceRunning(sessionID)
                    }
                }
            }
            subscriptions[sessionID] = Entry(subscription: subscription, askedAt: loop.now)
            // Without Redis it hears of them when that is back.
            try? await subscriber.confirmation(of: subscription)
        }
        if subscriber.isConnected { await announceRunning(sessionID) }
    }

    private func announceRunning(_ sessionID: String) async {
        var reply = try? await client.send(["HMGET", .text("session:\(sessionID)"), "stream", "instance"])
        // The two connections come back one after the other.
        for _ in 0..<Self.tries where reply == nil && subscriptions[sessionID] != nil {
            guard (try? await loop.sleep(until: loop.now + Self.retryInterval)) != nil else { return }
            reply = try? await client.send(["HMGET", .text("session:\(sessionID)"), "stream", "instance"])
        }
        guard let words = reply?.array?.map(\.text), words.count == 2, let id = words[0], words[1] != instanceID else {
            return
        }
        await announce(id, sessionID)
    }

    private func announce(_ streamID: String, _ sessionID: String) async {
        guard tracker.stream(id: streamID) == nil, let copy = await remote.copy(of: streamID),
            copy.origin.sessionID == sessionID
        else { return }
        tracker.announce(copy: copy.log, sessionID: sessionID)
    }

    /// Runs until its task is cancelled.
    func run() async {
        while (try? await loop.sleep(until: loop.now + Self.cleaningInterval)) != nil {
            for (sessionID, entry) in subscriptions
            where loop.now - entry.askedAt >= Self.cleaningInterval && !tracker.isFollowed(sessionID: sessionID) {
                subscriber.unsubscribe(entry.subscription)
                subscriptions[sessionID] = nil
                tracker.forgetCopy(sessionID: sessionID)
            }
        }
    }
}
