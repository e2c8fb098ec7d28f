import HTTPServer
import Primitives
import Redis

/// Locks that all instances over one Redis share, by its clock. They can be asked for from any thread.
///
/// A Redis that has lost its data has lost the locks: their holders learn of it when they renew.
///
/// `@unchecked Sendable`: confined to the loop of its client, where all functions go.
package final class RedisConversationLock: ConversationLock, @unchecked Sendable {
    private let loop: EventLoop
    private let client: RedisClient
    private let subscriber: RedisSubscriber
    private let ids: any IdentifierGenerator
    /// How often one who waits looks by himself. In nanoseconds.
    private let pollInterval: Int64
    /// Attempts whose replies were lost with the connection: they may have acquired their locks. Keys by attempt.
    private var doubtful: [String: String] = [:]
    private var isObserving = false

    /// - Parameters:
    ///   - subscriber: on the same loop as `client`. Without its connection, locks are noticed only at `pollInterval` to be free.
    ///   - pollInterval: how often one who waits looks by himself. One who has not for three times as long is not waited for.
    package init(
        client: RedisClient,
        subscriber: RedisSubscriber,
        ids: any IdentifierGenerator = RandomIdentifierGenerator(),
        pollInterval: Duration = .seconds(1)
    ) {
        precondition(client.loop === subscriber.loop, "They must be on the same loop")
        loop = client.loop
        self.client = client
        self.subscriber = subscriber
        self.ids = ids
        self.pollInterval = pollInterval.bounded.wholeNanoseconds
    }

    /// What one asks for.
    private struct Request: Sendable {
        let key: String
        let owner: String
        let ttl: Duration
        /// By which Redis knows whose the lock is, or the place in line.
        let id: String
    }

    /// How one asks for a lock for which others may wait.
    private enum Manner {
        /// Past all that wait.
        case pushing
        /// Not before anybody who waits.
        case polite
        /// In line with those who wait.
        case waiting
    }

    // MARK: Acquiring

    package func acquire(
        _ key: String,
        owner: String,
        ttl: Duration,
        waitingFor limit: Duration
    ) async throws(LockError) -> LockAttempt {
        let request = Request(key: key, owner: owner, ttl: ttl, id: ids.token(prefix: ""))
        return try await onLoop { () async throws(LockError) in
            if limit > .zero, let lock = try await self.wait(request, limit) { return .acquired(lock) }
            // Without a place in line it cannot be that nobody holds it.
            guard let attempt = try await self.take(request, .pushing) else { throw Self.malformed }
            return attempt
        }
    }

    /// Stands in line until the lock is acquired.
    private func wait(_ request: Request, _ limit: Duration) async throws(LockError) -> HeldLock? {
        let deadline = loop.time.monotonicNanoseconds + limit.bounded.wholeNanoseconds
        if let lock = try await take(request, .polite)?.lock { return lock }
        let waiter = LockWaiter(on: loop)
        let subscription = subscriber.subscribe("lock-waiter:\(request.id)") { event in
            // As what was said before is missed, it looks.
            if event != .subscribed { waiter.wake() }
        }
        defer { subscriber.unsubscribe(subscription) }
        try? await subscriber.confirmation(of: subscription)
        repeat {
            switch try await take(request, .waiting) {
            case .acquired(let lock): return lock
            case .held(let info):
                // Redis counts in milliseconds, and a time that is up is not yet over.
                await pause(waiter, min(info.timeLeft.wholeNanoseconds + 1_000_000, pollInterval), deadline)
            case nil: await pause(waiter, pollInterval, deadline)
            }
        } while loop.time.monotonicNanoseconds < deadline && !Task.isCancelled
        _ = try await run(LockScripts.withdraw, request.key, [.text(request.id)])
        return nil
    }

    private func pause(_ waiter: LockWaiter, _ time: Int64, _ deadline: Int64) async {
        await waiter.pause(until: min(deadline, loop.time.monotonicNanoseconds + time))
    }

    /// - Returns: nil: it is free, and others are before this one in line.
    private func take(_ request: Request, _ manner: Manner) async throws(LockError) -> LockAttempt? {
        let patience =
            switch manner {
            case .pushing: 0
            case .polite: -1
            case .waiting: max(1, Int(3 * pollInterval / 1_000_000))
            }
        let arguments: [RedisArgument] = [
            .text(request.owner), .integer(Self.milliseconds(request.ttl)), .text(request.id), .integer(patience),
        ]
        let mayHaveBeenSent = client.isConnected
        let reply: RedisValue
        do throws(LockError) {
            reply = try await run(LockScripts.acquire, request.key, arguments)
        } catch {
            if mayHaveBeenSent { withdraw(request.id, request.key) }
            throw error
        }
        guard let words = reply.array, let first = words.first?.integer else { throw Self.malformed }
        if first == 1, words.count == 2, let token = words[1].integer {
            return .acquired(HeldLock(key: request.key, owner: request.owner, token: token))
        }
        return Self.info(reply).map(LockAttempt.held)
    }

    /// Has Redis forget an attempt, when it can be reached.
    private func withdraw(_ id: String, _ key: String) {
        guard client.isConnected else {
            doubtful[id] = key
            return observe()
        }
        client.run(LockScripts.withdraw, keys: Self.keys(key), arguments: [.text(id)]) { [weak self] reply in
            guard let self, case .failure(let error) = reply, error.isPassing else { return }
            doubtful[id] = key
            observe()
        }
    }

    private func observe() {
        guard !isObserving else { return }
        isObserving = true
        _ = client.observe { [weak self] news in
            guard let self, news == .connected else { return }
            let doubtful = doubtful
            self.doubtful = [:]
            for (id, key) in doubtful { withdraw(id, key) }
        }
    }

    // MARK: Holding

    package func renew(_ lock: HeldLock, ttl: Duration) async throws(LockError) -> Bool {
        try await onLoop { () async throws(LockError) in
            let arguments: [RedisArgument] = [
                .text(lock.owner), .integer(lock.token), .integer(Self.milliseconds(ttl)),
            ]
            return try await self.run(LockScripts.renew, lock.key, arguments).integer == 1
        }
    }

    package func release(_ lock: HeldLock) async throws(LockError) -> Bool {
        try await onLoop { () async throws(LockError) in
            let arguments: [RedisArgument] = [.text(lock.owner), .integer(lock.token)]
            return try await self.run(LockScripts.release, lock.key, arguments).integer == 1
        }
    }

    package func info(_ key: String) async throws(LockError) -> LockInfo? {
        try await onLoop { () async throws(LockError) in Self.info(try await self.run(LockScripts.info, key)) }
    }

    package func forceRelease(_ key: String) async throws(LockError) -> LockInfo? {
        try await onLoop { () async throws(LockError) in Self.info(try await self.run(LockScripts.forceRelease, key)) }
    }

    // MARK: Redis

    private func onLoop<Value: Sendable>(
        _ body: @Sendable () async throws(LockError) -> Value
    ) async throws(LockError) -> Value {
        try await withTaskExecutorPreference(loop, operation: body)
    }

    private func run(_ script: RedisScript, _ key: String, _ arguments: [RedisArgument] = [])
        async throws(LockError)
        -> RedisValue
    {
        do throws(RedisError) {
            return try await client.run(script, keys: Self.keys(key), arguments: arguments)
        } catch {
            throw .unavailable(error.description)
        }
    }

    private static func keys(_ key: String) -> [RedisArgument] { [.text("lock:\(key)"), .text("lock-line:\(key)")] }

    /// Redis takes no time of nothing.
    private static func milliseconds(_ time: Duration) -> Int { max(1, Int(time.bounded.wholeMilliseconds)) }

    private static let malformed = LockError.unavailable("Redis has answered something else than was asked")

    /// Who holds a lock, in a script's words.
    private static func info(_ reply: RedisValue) -> LockInfo? {
        guard let words = reply.array, words.count == 4, let owner = words[1].text, let token = words[2].integer,
            let time = words[3].integer
        else { return nil }
        return LockInfo(owner: owner, token: token, timeLeft: .milliseconds(time))
    }
}
