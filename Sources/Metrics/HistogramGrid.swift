/// A histogram for each of so many rows and columns, counted by any thread: some nanoseconds, no lock, no allocation. Those that
/// nothing is counted in take no memory.
package final class HistogramGrid: Sendable {
    private let bounds: Histogram.Bounds
    /// In nanoseconds.
    private let limits: [Int]
    private let rows: Int
    private let columns: Int
    /// For each histogram, one cell for each bound, one for what lies above them, and the sum in nanoseconds.
    private let cells: MetricCells

    /// - Parameter isShared: whether several threads count at the same time.
    package init(rows: Int, columns: Int, _ bounds: Histogram.Bounds, isShared: Bool = true) {
        self.bounds = bounds
        self.rows = rows
        self.columns = columns
        limits = bounds.seconds.map { Int(($0 * 1e9).rounded()) }
        cells = MetricCells(count: rows * columns * (limits.count + 2), isShared: isShared)
    }

    private func start(_ row: Int, _ column: Int) -> Int {
        precondition(row < rows && column < columns)
        return (row * columns + column) * (limits.count + 2)
    }

    package func observe(row: Int, column: Int, nanoseconds: Int64) {
        let value = Int(nanoseconds)
        var bucket = 0
        while bucket < limits.count, value > limits[bucket] { bucket += 1 }
        let (start, stripe) = (start(row, column), cells.stripe)
        cells.add(1, at: start + bucket, ofStripe: stripe)
        cells.add(value, at: start + limits.count + 1, ofStripe: stripe)
    }

    package func snapshot(row: Int, column: Int) -> Histogram.Snapshot {
        let start = start(row, column)
        var snapshot = Histogram.Snapshot(bounds: bounds)
        snapshot.cumulative.reserveCapacity(limits.count)
        for index in limits.indices {
            snapshot.count += cells.sum(at: start + index)
            snapshot.cumulative.append(snapshot.count)
        }
        snapshot.count += cells.sum(at: start + limits.count)
        snapshot.sum = Double(cells.sum(at: start + limits.count + 1)) / 1e9
        return snapshot
    }

    /// Those in which something is counted, row by row.
    package var snapshots: [(row: Int, column: Int, snapshot: Histogram.Snapshot)] {
        (0..<rows * columns).compactMap { place in
            let (row, column) = (place / columns, place % columns)
            let snapshot = snapshot(row: row, column: column)
            return snapshot.count > 0 ? (row: row, column: column, snapshot: snapshot) : nil
        }
    }
}
