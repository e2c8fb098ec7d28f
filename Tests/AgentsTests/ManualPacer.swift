import Agents
import Synchronization

/// A pacer whose time moves only by sleeping and by `advance`.
final class ManualPacer: AgentPacer {
    private struct State {
        var monotonic: Int64 = 5_000_000_000
        var deadlines: [Int64] = []
    }

    static let realTimeOffset: Int64 = 1_700_000_000_000_000_000

    private let state = Mutex(State())
    private let cancelsSleepers: Bool

    /// - Parameter cancelsSleepers: whether who sleeps is cancelled meanwhile. Otherwise a sleep takes the time to its
    ///   deadline and returns.
    init(cancelsSleepers: Bool = false) {
        self.cancelsSleepers = cancelsSleepers
    }

    var monotonicNanoseconds: Int64 { state.withLock { $0.monotonic } }
    var realTimeNanoseconds: Int64 { monotonicNanoseconds + Self.realTimeOffset }

    /// The deadlines of all sleeps so far.
    var deadlines: [Int64] { state.withLock { $0.deadlines } }

    func advance(by nanoseconds: Int64) {
        state.withLock { $0.monotonic += nanoseconds }
    }

    func sleep(until deadline: Int64) async throws {
        state.withLock { $0.deadlines.append(deadline) }
        if cancelsSleepers { withUnsafeCurrentTask { $0?.cancel() } }
        try Task.checkCancellation()
        state.withLock { $0.monotonic = max($0.monotonic, deadline) }
    }
}
