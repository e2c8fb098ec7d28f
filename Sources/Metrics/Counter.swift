/// A number that grows, counted by any thread: some nanoseconds, no lock, no allocation.
package final class Counter: Sendable {
    private let cells = MetricCells(count: 1, isShared: true)

    package init() {}

    /// A negative amount makes it a gauge.
    package func add(_ amount: Int = 1) {
        cells.add(amount, at: 0, ofStripe: cells.stripe)
    }

    package var value: Int { cells.sum(at: 0) }
}
