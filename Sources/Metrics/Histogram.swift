/// How many durations fell below which bounds, counted by any thread: some nanoseconds, no lock, no allocation.
package final class Histogram: Sendable {
    /// Upper bounds in seconds, rising; above the last there is none.
    package struct Bounds: Sendable {
        package var seconds: [Double]

        package init(_ seconds: [Double]) {
            self.seconds = seconds
        }

        /// From a fast model's first token to a long answer.
        package static let answers = Bounds([0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300])
        /// Of what a client waits for, or a store does.
        package static let requests = Bounds([
            0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10,
        ])
        /// By how much a loop is late. It lets its timers wait up to 1 ms, so that one wake serves several.
        package static let lag = Bounds([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5])
    }

    private let grid: HistogramGrid

    /// - Parameter isShared: whether several threads count at the same time.
    package init(_ bounds: Bounds, isShared: Bool = true) {
        grid = HistogramGrid(rows: 1, columns: 1, bounds, isShared: isShared)
    }

    package func observe(nanoseconds: Int64) {
        grid.observe(row: 0, column: 0, nanoseconds: nanoseconds)
    }

    package var snapshot: Snapshot { grid.snapshot(row: 0, column: 0) }

    /// What was counted until now.
    package struct Snapshot: Sendable {
        package var bounds: Bounds
        /// For each bound, how many durations were not above it.
        package var cumulative: [Int] = []
        package var count = 0
        /// Of all durations, in seconds.
        package var sum = 0.0
    }
}
