import Agents
import Synchronization

/// A pacer whose time moves only by sleeping and by `advance`.
final class ManualPacer: AgentPacer {
    private struct State {
        var monotonic: Int64 = 5_000_000_000
        var deadlines: [Int64] = []
        var sleeper: CheckedContinuation<Void, any Error>?
    }

    private let state = Mutex(State())
    private let wakesAtOnce: Bool

    static let realTimeOffset: Int64 = 1_700_000_000_000_000_000

    /// - Parameter wakesAtOnce: whether a sleep takes the time to its deadline and returns, or lasts until it is cancelled.
    init(wakesAtOnce: Bool = true) {
        self.wakesAtOnce = wakesAtOnce
    }

    var monotonicNanoseconds: Int64 { state.withLock { $0.monotonic } }
    var realTimeNanoseconds: Int64 { monotonicNanoseconds + Self.realTimeOffset }

    /// The deadlines of all sleeps so far.
    var deadlines: [Int64] { state.withLock { $0.deadlines } }

    func advance(by nanoseconds: Int64) {
        state.withLock { $0.monotonic += nanoseconds }
    }

    func sleep(until deadline: Int64) async throws {
        try Task.checkCancellation()
        state.withLock { $0.deadlines.append(deadline) }
        guard !wakesAtOnce else {
            state.withLock { $0.monotonic = max($0.monotonic, deadline) }
            return
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                state.withLock { $0.sleeper = continuation }
                if Task.isCancelled { wake() }
            }
        } onCancel: {
            wake()
        }
    }

    private func wake() {
        let sleeper = state.withLock { state in
            defer { state.sleeper = nil }
            return state.sleeper
        }
        sleeper?.resume(throwing: CancellationError())
    }
}
