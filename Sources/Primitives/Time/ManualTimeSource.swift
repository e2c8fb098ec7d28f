import Synchronization

/// A clock that moves only when told to: for tests of expiry that must not sleep.
package final class ManualTimeSource: TimeSource {
    private struct State {
        var now: Timestamp
        var monotonic: Int64 = 1_000_000_000
        var wakers: [@Sendable () -> Void] = []
    }

    private let state: Mutex<State>

    package init(now: Timestamp = Timestamp(milliseconds: 1_767_225_600_000)) {
        state = Mutex(State(now: now))
    }

    package var now: Timestamp { state.withLock { $0.now } }
    package var monotonicNanoseconds: Int64 { state.withLock { $0.monotonic } }

    package func sleepLimit(until deadline: Int64, slack: Int64) -> Int64? {
        monotonicNanoseconds >= deadline ? 0 : nil
    }

    package func addWaker(_ waker: @escaping @Sendable () -> Void) {
        state.withLock { $0.wakers.append(waker) }
    }

    /// Moves both clocks on, and wakes whoever waits for them.
    package func advance(by duration: Duration) {
        let wakers = state.withLock { state in
            state.now = state.now + duration
            state.monotonic += duration.wholeNanoseconds
            return state.wakers
        }
        for waker in wakers { waker() }
    }
}
