import HTTPServer
import Locks
import RedisTestSupport

/// Locks that hold against each other, as two instances have them, for one test.
struct LockBench: Sendable {
    let loops: [EventLoop]
    /// One for each loop.
    let locks: [any ConversationLock]
    /// A time whose end a test can wait for.
    let shortTime: Duration
    /// Returns when so much time has passed since the call.
    let pass: @Sendable (Duration) async throws -> Void
    /// How many wait for a key.
    let waiterCount: @Sendable (String) async throws -> Int

    var lock: any ConversationLock { locks[0] }
    var other: any ConversationLock { locks[locks.count - 1] }

    struct Failure: Error {}

    /// Acquires a lock that nobody holds.
    func acquire(_ key: String, _ owner: String = "alice", ttl: Duration = .seconds(300)) async throws -> HeldLock {
        guard let lock = try await lock.acquire(key, owner: owner, ttl: ttl).lock else { throw Failure() }
        return lock
    }

    /// Begins to wait for a lock, at the second instance, and returns when it is in line.
    func queue(
        _ key: String,
        _ owner: String,
        for limit: Duration = .seconds(60)
    ) async throws -> Task<LockAttempt, any Error> {
        let count = try await waiterCount(key)
        let task = Task { [other] in try await other.acquire(key, owner: owner, waitingFor: limit) }
        try await wait { try await waiterCount(key) == count + 1 }
        return task
    }
}
