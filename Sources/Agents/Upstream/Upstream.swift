import HTTPClient
import Primitives
import Synchronization

/// The service that runs an agent's model: how it is reached, how many answers it is asked for at once, and whether it is asked at all
/// while it is out of order. Shared by all loops.
package final class Upstream: Sendable {
    package struct Limits: Sendable, Equatable {
        /// Answers that are made at the same time.
        package var concurrent = 1000
        /// Questions that wait for a place.
        package var waiting = 1000
        /// So many failures in a row, and it is left alone for a while.
        package var breakerFailures = 5
        /// How long, in nanoseconds.
        package var breakerTime: Int64 = 10_000_000_000

        package init() {}
    }

    /// How it is doing.
    package struct Health: Sendable, Equatable {
        package enum Circuit: String, Sendable {
            case closed = "healthy"
            case open
            case halfOpen = "half_open"
        }

        package var circuit: Circuit
        package var running: Int
        package var waiting: Int
        package var limits: Limits
    }

    private struct State {
        var breaker: CircuitBreaker
        var line: WaitingLine<@Sendable () -> Void>
        /// Those of the waiting that have got a place, until they look.
        var served: Set<Int> = []
        /// Why the last request has failed.
        var lastFailure = ""
        /// Whether the last request that had an outcome was not answered in time: the connection may lead nowhere.
        var hasTimedOut = false
        var lastID = 0
    }

    /// What an operator wants to hear of.
    package enum Change: Sendable, Equatable {
        /// It is left alone; the last failure, without secrets.
        case leftAlone(String)
        /// It is asked again.
        case inOrder
    }

    package let endpoint: UpstreamEndpoint
    package let limits: Limits
    private let didChange: @Sendable (Change) -> Void
    private let state: Mutex<State>

    /// - Parameter didChange: called, on any thread, when it is left alone, and when it is asked again.
    package init(
        _ endpoint: UpstreamEndpoint,
        limits: Limits,
        didChange: @escaping @Sendable (Change) -> Void = { _ in }
    ) {
        self.endpoint = endpoint
        self.limits = limits
        self.didChange = didChange
        state = Mutex(
            State(
                breaker: CircuitBreaker(failureLimit: limits.breakerFailures, openTime: limits.breakerTime),
                line: WaitingLine(limit: limits.concurrent, waitingLimit: limits.waiting)
            )
        )
    }

    package var health: Health {
        state.withLock { state in
            let circuit: Health.Circuit =
                switch state.breaker.state {
                case .closed: .closed
                case .open: .open
                case .halfOpen: .halfOpen
                }
            return Health(
                circuit: circuit,
                running: state.line.running,
                waiting: state.line.waitingCount,
                limits: limits
            )
        }
    }

    // MARK: Places

    /// Asks for a place among those who ask the service. It is given back when it is let go of.
    ///
    /// - Parameter wake: called, on any thread, when there is one after a while.
    /// - Throws: `AGENT_RATE_LIMITED` when too many wait.
    func place(wake: @escaping @Sendable () -> Void) throws(AgentError) -> Place {
        let (id, entry) = state.withLock { state in
            state.lastID += 1
            return (state.lastID, state.line.enter(state.lastID, wake))
        }
        guard entry != .refused else { throw Self.busy }
        return Place(upstream: self, id: id, isServed: entry == .running)
    }

    static let busy = AgentError(
        .rateLimited,
        "Too many questions wait for the model. Please try again in a while."
    )

    /// One of the places. Confined to whoever has it.
    final class Place {
        private let upstream: Upstream
        private let id: Int
        private var isServed: Bool

        fileprivate init(upstream: Upstream, id: Int, isServed: Bool) {
            self.upstream = upstream
            self.id = id
            self.isServed = isServed
        }

        deinit { upstream.leave(id, isServed: isServed) }

        /// Whether the wait for it is over.
        var hasBeenServed: Bool {
            if !isServed { isServed = upstream.state.withLock { $0.served.remove(id) != nil } }
            return isServed
        }
    }

    private func leave(_ id: Int, isServed: Bool) {
        let next = state.withLock { state -> (@Sendable () -> Void)? in
            guard isServed || state.served.remove(id) != nil else {
                state.line.giveUp(id)
                return nil
            }
            guard let next = state.line.leave() else { return nil }
            state.served.insert(next.id)
            return next.member
        }
        next?()
    }

    // MARK: Requests

    /// Asks for leave to make one request.
    ///
    /// - Throws: `AGENT_UNAVAILABLE` while the service is left alone.
    func begin(at now: Int64) throws(AgentError) -> Attempt {
        try state.withLock { state throws(AgentError) in
            if let leave = state.breaker.enter(at: now) {
                return Attempt(upstream: self, leave: leave, needsFreshConnection: state.hasTimedOut, now: now)
            }
            var error = AgentError(
                .unavailable,
                "The model is out of order for now. Please try again in a while.",
                detail: "not asked, after failures in a row; the last: \(state.lastFailure)"
            )
            if case .open(let until) = state.breaker.state {
                error.retryAfter = Int((until - now + 999_999_999) / 1_000_000_000)
            }
            throw error
        }
    }

    /// A request that is under way. Confined to whoever has it; without an outcome it counts for nothing.
    final class Attempt {
        private let upstream: Upstream
        private let leave: CircuitBreaker.Leave
        private let begun: Int64
        private var hasOutcome = false
        /// Whether connections that are there already are in doubt.
        let needsFreshConnection: Bool

        fileprivate init(
            upstream: Upstream,
            leave: CircuitBreaker.Leave,
            needsFreshConnection: Bool,
            now: Int64
        ) {
            self.upstream = upstream
            self.leave = leave
            self.needsFreshConnection = needsFreshConnection
            begun = now
        }

        deinit {
            guard !hasOutcome else { return }
            upstream.state.withLock { $0.breaker.didGiveUp(leave, at: begun) }
        }

        /// The service answers.
        func didSucceed() {
            guard !hasOutcome else { return }
            hasOutcome = true
            let wasClosed = upstream.state.withLock { state in
                state.hasTimedOut = false
                defer { state.breaker.didSucceed() }
                return state.breaker.state == .closed
            }
            if !wasClosed { upstream.didChange(.inOrder) }
        }

        /// - Parameters:
        ///   - reason: for the log.
        ///   - isTimeout: whether nothing has come in time.
        func didFail(_ reason: String, isTimeout: Bool = false, at now: Int64) {
            guard !hasOutcome else { return }
            hasOutcome = true
            let hasOpened = upstream.state.withLock { state in
                state.lastFailure = reason
                state.hasTimedOut = state.hasTimedOut || isTimeout
                let wasClosed = state.breaker.state == .closed
                state.breaker.didFail(leave, at: now)
                return wasClosed && state.breaker.state != .closed
            }
            if hasOpened { upstream.didChange(.leftAlone(reason)) }
        }
    }
}
