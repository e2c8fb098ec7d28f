import Synchronization

/// A number that any thread may count up.
final class Counter: Sendable {
    private let atomic = Atomic(0)

    var value: Int { atomic.load(ordering: .relaxed) }

    func increment() { atomic.wrappingAdd(1, ordering: .relaxed) }
}
