import HTTPServer
import Primitives
import Synchronization

/// Locks within this process, by its clock: for one instance alone. They can be asked for from any thread.
package final class LocalConversationLock: ConversationLock {
    /// Whose clock counts, and on which those wait who wait.
    private let loop: EventLoop
    private let state = Mutex(State())

    private struct Holder {
        let owner: String
        let token: Int
        /// By the monotonic clock.
        var end: Int64

        func info(at now: Int64) -> LockInfo {
            LockInfo(owner: owner, token: token, timeLeft: .nanoseconds(end - now))
        }
    }

    private struct State {
        var holders: [String: Holder] = [:]
        /// Who waits for a key, the first one first. Never empty.
        var lines: [String: [LockWaiter]] = [:]
        var lastToken = 0
        /// From so many holders on those are forgotten whose time is over.
        var cleaningCount = State.leastCleaningCount

        static let leastCleaningCount = 1024

        /// Who holds it now.
        func holder(_ key: String, at now: Int64) -> Holder? {
            guard let holder = holders[key], holder.end > now else { return nil }
            return holder
        }

        func isHeld(_ lock: HeldLock, at now: Int64) -> Bool {
            guard let holder = holder(lock.key, at: now) else { return false }
            return holder.token == lock.token && holder.owner == lock.owner
        }

        mutating func free(_ key: String) {
            holders[key] = nil
            wakeFirst(key)
        }

        func wakeFirst(_ key: String) { lines[key]?.first?.wake() }

        mutating func clean(at now: Int64) {
            guard holders.count >= cleaningCount else { return }
            holders = holders.filter { $0.value.end > now }
            cleaningCount = max(Self.leastCleaningCount, holders.count * 2)
        }
    }

    package init(loop: EventLoop) {
        self.loop = loop
    }

    private var now: Int64 { loop.time.monotonicNanoseconds }

    // MARK: Acquiring

    package func acquire(
        _ key: String,
        owner: String,
        ttl: Duration,
        waitingFor limit: Duration
    ) async throws(LockError) -> LockAttempt {
        if limit > .zero {
            let lock = await withTaskExecutorPreference(loop) { await wait(key, owner, ttl, limit) }
            if let lock { return .acquired(lock) }
        }
        return take(key, owner, ttl)
    }

    /// Stands in line until the lock is acquired. On the loop.
    private func wait(_ key: String, _ owner: String, _ ttl: Duration, _ limit: Duration) async -> HeldLock? {
        let waiter = LockWaiter(on: loop)
        let deadline = now + limit.bounded.wholeNanoseconds
        state.withLock { $0.lines[key, default: []].append(waiter) }
        defer { leave(waiter, key) }
        repeat {
            var next = deadline
            if state.withLock({ $0.lines[key]?.first === waiter }) {
                switch take(key, owner, ttl) {
                case .acquired(let lock): return lock
                case .held(let info): next = min(deadline, now + info.timeLeft.wholeNanoseconds)
                }
            }
            // Only the first one looks after the end of the holder's time. The others are told when they are the first.
            await waiter.pause(until: next)
        } while now < deadline && !Task.isCancelled
        return nil
    }

    private func take(_ key: String, _ owner: String, _ ttl: Duration) -> LockAttempt {
        let time = loop.time.now.milliseconds
        return state.withLock { state in
            let now = now
            if let holder = state.holder(key, at: now) { return .held(holder.info(at: now)) }
            state.clean(at: now)
            // By the clock, so that tokens grow from one run of the process to the next, too. In microseconds.
            state.lastToken = max(state.lastToken + 1, Int(time) * 1000)
            let end = now + ttl.bounded.wholeNanoseconds
            state.holders[key] = Holder(owner: owner, token: state.lastToken, end: end)
            return .acquired(HeldLock(key: key, owner: owner, token: state.lastToken))
        }
    }

    private func leave(_ waiter: LockWaiter, _ key: String) {
        state.withLock { state in
            guard var line = state.lines[key] else { return }
            let wasFirst = line.first === waiter
            line.removeAll { $0 === waiter }
            state.lines[key] = line.isEmpty ? nil : line
            // From now on another one looks after the end of the holder's time.
            if wasFirst { state.wakeFirst(key) }
        }
    }

    /// How many wait for a key.
    func waiterCount(_ key: String) -> Int { state.withLock { $0.lines[key]?.count ?? 0 } }

    // MARK: Holding

    package func renew(_ lock: HeldLock, ttl: Duration) async throws(LockError) -> Bool {
        state.withLock { state in
            let now = now
            guard state.isHeld(lock, at: now) else { return false }
            state.holders[lock.key]?.end = now + ttl.bounded.wholeNanoseconds
            // It may end sooner than whoever waits for it has been told.
            state.wakeFirst(lock.key)
            return true
        }
    }

    package func release(_ lock: HeldLock) async throws(LockError) -> Bool {
        state.withLock { state in
            guard state.isHeld(lock, at: now) else { return false }
            state.free(lock.key)
            return true
        }
    }

    package func info(_ key: String) async throws(LockError) -> LockInfo? {
        let now = now
        return state.withLock { $0.holder(key, at: now)?.info(at: now) }
    }

    package func forceRelease(_ key: String) async throws(LockError) -> LockInfo? {
        state.withLock { state in
            let now = now
            guard let holder = state.holder(key, at: now) else { return nil }
            state.free(key)
            return holder.info(at: now)
        }
    }
}
