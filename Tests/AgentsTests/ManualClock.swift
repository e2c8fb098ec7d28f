import Agents
import Primitives
import Synchronization

/// A clock that moves only by `advance`.
final class ManualClock: AgentClock {
    static let realTimeOffset: Int64 = 1_700_000_000_000_000_000

    private let time = Atomic<Int64>(5_000_000_000)

    var monotonicNanoseconds: Int64 { time.load(ordering: .relaxed) }

    func realTimeNanoseconds(at monotonic: Int64) -> Int64 {
        min(monotonic, monotonicNanoseconds) + Self.realTimeOffset
    }

    func advance(by nanoseconds: Int64) {
        time.add(nanoseconds, ordering: .relaxed)
    }

    func advance(to deadline: Int64) {
        time.store(max(monotonicNanoseconds, deadline), ordering: .relaxed)
    }
}
