import Synchronization

/// A histogram for each of so many rows and columns, made when it is first needed: most combinations never are.
package final class HistogramGrid: Sendable {
    private final class Slot: Sendable {
        let histogram = AtomicLazyReference<Histogram>()
    }

    private let bounds: Histogram.Bounds
    private let columns: Int
    private let slots: [Slot]

    package init(rows: Int, columns: Int, _ bounds: Histogram.Bounds) {
        self.bounds = bounds
        self.columns = columns
        slots = (0..<rows * columns).map { _ in Slot() }
    }

    package func observe(row: Int, column: Int, nanoseconds: Int64) {
        let slot = slots[row * columns + column]
        // Of two threads that make one at the same time, both get the one that stays.
        let histogram = slot.histogram.load() ?? slot.histogram.storeIfNil(Histogram(bounds))
        histogram.observe(nanoseconds: nanoseconds)
    }

    /// Those that have been needed, row by row.
    package var histograms: [(row: Int, column: Int, histogram: Histogram)] {
        slots.indices.compactMap { index in
            slots[index].histogram.load().map { (row: index / columns, column: index % columns, histogram: $0) }
        }
    }
}
