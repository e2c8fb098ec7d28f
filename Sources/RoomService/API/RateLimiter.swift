import HTTPServer
import Primitives
import Synchronization

/// Holds callers to their rates: a token bucket for each, which fills evenly and holds one period's worth.
final class RateLimiter: Sendable {
    enum Kind: Hashable, Sendable {
        /// Questions, by user.
        case messages
        /// Calls that change something, by user.
        case writes
        /// Other calls, by client address.
        case reads
    }

    fileprivate struct Key: Hashable {
        var kind: Kind
        var caller: String
    }

    fileprivate struct State {
        /// When each caller's bucket is full again, as monotonic time: all that a bucket is.
        var fullAt: [Key: Int64] = [:]
        var nextCleaning: Int64 = 0
    }

    private let limits: RateLimits
    private let time: any TimeSource
    /// Where all instances share the buckets.
    private let cluster: Cluster?
    private let state = Mutex(State())

    private static let cleaningInterval: Int64 = 60_000_000_000

    init(_ limits: RateLimits, cluster: Cluster? = nil, time: any TimeSource) {
        self.limits = limits
        self.cluster = cluster
        self.time = time
    }

    /// Takes one token of the caller's bucket.
    ///
    /// - Throws: `RATE_LIMIT_EXCEEDED`, with the time until there is one again.
    func check(_ kind: Kind, key caller: String) async throws(APIError) {
        guard let rate = rate(kind) else { return }
        let period = rate.period.wholeNanoseconds
        let cost = max(1, period / Int64(rate.count))
        var wait: Int64?
        if let cluster, let loop = EventLoop.current {
            wait = await cluster.take("\(kind):\(caller)", cost: cost, period: period, on: loop)
        }
        let time = wait ?? takeHere(kind, caller, cost: cost, period: period)
        if time > 0 { throw .rateLimitExceeded(retryAfter: Int((time + 999_999_999) / 1_000_000_000)) }
    }

    /// - Returns: 0, or how long to wait, in nanoseconds.
    private func takeHere(_ kind: Kind, _ caller: String, cost: Int64, period: Int64) -> Int64 {
        let now = time.monotonicNanoseconds
        return state.withLock { state -> Int64 in
            state.clean(now: now, interval: Self.cleaningInterval)
            let key = Key(kind: kind, caller: caller)
            let fullAt = max(now, state.fullAt[key] ?? now) + cost
            // With less than one token left the bucket would be full only after more than a period.
            guard fullAt - now <= period else { return fullAt - now - period }
            state.fullAt[key] = fullAt
            return 0
        }
    }

    private func rate(_ kind: Kind) -> RateLimits.Rate? {
        switch kind {
        case .messages: limits.messages
        case .writes: limits.writes
        case .reads: limits.reads
        }
    }
}

extension RateLimiter.State {
    /// Forgets full buckets, now and then: they are as good as none.
    fileprivate mutating func clean(now: Int64, interval: Int64) {
        guard now >= nextCleaning else { return }
        nextCleaning = now + interval
        fullAt = fullAt.filter { $0.value > now }
    }
}
