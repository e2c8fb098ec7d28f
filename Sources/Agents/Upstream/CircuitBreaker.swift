/// Keeps requests from a service that is out of order: it opens after so many failures in a row, and after a while lets one request
/// through, a probe, whose outcome closes or opens it again.
struct CircuitBreaker {
    enum State: Equatable {
        case closed
        case open(until: Int64)
        /// A probe is under way.
        case halfOpen
    }

    /// What a request may do that is let through.
    enum Leave {
        case usual, probe
    }

    let failureLimit: Int
    /// In nanoseconds.
    let openTime: Int64
    private(set) var state = State.closed
    private var failures = 0

    init(failureLimit: Int, openTime: Int64) {
        self.failureLimit = failureLimit
        self.openTime = openTime
    }

    /// Asks for leave to make a request.
    ///
    /// - Returns: nil when it must not be made.
    mutating func enter(at now: Int64) -> Leave? {
        switch state {
        case .closed: return .usual
        case .open(let until) where now >= until:
            state = .halfOpen
            return .probe
        case .open, .halfOpen: return nil
        }
    }

    /// The service answers: it is in order.
    mutating func didSucceed() {
        failures = 0
        state = .closed
    }

    mutating func didFail(_ leave: Leave, at now: Int64) {
        failures += 1
        // What began before it opened tells nothing new.
        guard leave == .probe || (state == .closed && failures >= failureLimit) else { return }
        state = .open(until: now + openTime)
    }

    /// A request was given up before its outcome was known: the next one may be the probe.
    mutating func didGiveUp(_ leave: Leave, at now: Int64) {
        if leave == .probe, state == .halfOpen { state = .open(until: now) }
    }
}
