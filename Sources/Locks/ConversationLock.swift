/// Has one at a time work on a conversation, or on whatever else a key names, for a time that ends by itself.
///
/// A lock of this kind is a promise about time: who is paused beyond its end holds it no more, and does not know. What
/// must not be written twice is therefore written with the lock's token, and refused when a higher one has been seen.
package protocol ConversationLock: Sendable {
    /// Takes the lock of `key`, or says who holds it. An owner that holds it does not get it a second time.
    ///
    /// Those who wait are served in the order in which they came. Who does not wait takes a lock that is free at once.
    ///
    /// - Parameters:
    ///   - owner: who wants it, for those who ask. It is the token that tells two holders of the same name apart.
    ///   - ttl: for how long, unless it is renewed.
    ///   - limit: how long to wait for it. A cancelled task waits no longer.
    /// - Throws: `.unavailable`; the lock is not held then.
    func acquire(
        _ key: String,
        owner: String,
        ttl: Duration,
        waitingFor limit: Duration
    ) async throws(LockError) -> LockAttempt

    /// Has a lock end after `ttl` from now.
    ///
    /// - Returns: false when it is no longer held: it has ended, or was released, whoever may hold it now.
    func renew(_ lock: HeldLock, ttl: Duration) async throws(LockError) -> Bool

    /// Gives a lock up.
    ///
    /// - Returns: false when it was no longer held. That of another holder is left alone.
    @discardableResult
    func release(_ lock: HeldLock) async throws(LockError) -> Bool

    /// Who holds the lock of `key`; nil: nobody.
    func info(_ key: String) async throws(LockError) -> LockInfo?

    /// Takes the lock of `key` away from whoever holds it: for an operator. The holder learns of it when it renews.
    ///
    /// - Returns: who held it.
    func forceRelease(_ key: String) async throws(LockError) -> LockInfo?
}

extension ConversationLock {
    /// Takes the lock of `key` for five minutes, or for `ttl`, without waiting for it.
    package func acquire(
        _ key: String,
        owner: String,
        ttl: Duration = .seconds(300)
    ) async throws(LockError) -> LockAttempt {
        try await acquire(key, owner: owner, ttl: ttl, waitingFor: .zero)
    }

    /// Takes the lock of `key` for five minutes, and waits for it.
    package func acquire(
        _ key: String,
        owner: String,
        waitingFor limit: Duration
    ) async throws(LockError) -> LockAttempt {
        try await acquire(key, owner: owner, ttl: .seconds(300), waitingFor: limit)
    }

    /// Has a lock end five minutes from now.
    package func renew(_ lock: HeldLock) async throws(LockError) -> Bool {
        try await renew(lock, ttl: .seconds(300))
    }
}
