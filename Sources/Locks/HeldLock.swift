/// A lock that was acquired.
package struct HeldLock: Sendable, Equatable {
    package let key: String
    package let owner: String
    /// Grows with each acquisition of the key.
    package let token: Int

    package init(key: String, owner: String, token: Int) {
        self.key = key
        self.owner = owner
        self.token = token
    }
}

/// What is known of a lock that somebody holds.
package struct LockInfo: Sendable, Equatable {
    package let owner: String
    package let token: Int
    /// Until it ends, unless it is renewed.
    package let timeLeft: Duration
}

/// What has become of asking for a lock.
package enum LockAttempt: Sendable, Equatable {
    case acquired(HeldLock)
    /// Somebody else holds it.
    case held(LockInfo)

    package var lock: HeldLock? {
        if case .acquired(let lock) = self { lock } else { nil }
    }
}

/// Why nothing is known of a lock.
package enum LockError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What keeps the locks cannot be asked. The reason is for the log.
    case unavailable(String)

    package var description: String {
        switch self {
        case .unavailable(let reason): "locks are not available: \(reason)"
        }
    }
}

extension Duration {
    /// As a time to live, or to wait: neither negative, nor so long that a deadline is out of range.
    var bounded: Duration { Swift.min(Swift.max(self, .zero), .seconds(31_536_000)) }
}
