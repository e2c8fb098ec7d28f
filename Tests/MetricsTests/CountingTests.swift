import Glibc
import Testing

@testable import Metrics

struct CountingTests {
    /// Runs `body` on that many threads at the same time.
    private func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
        final class Work: Sendable {
            let number: Int
            let body: @Sendable (Int) -> Void
            init(_ number: Int, _ body: @escaping @Sendable (Int) -> Void) {
                self.number = number
                self.body = body
            }
        }
        var threads: [pthread_t] = []
        for number in 0..<count {
            var thread = pthread_t()
            let work = Unmanaged.passRetained(Work(number, body))
            pthread_create(
                &thread,
                nil,
                { argument in
                    guard let argument else { return nil }
                    let work = Unmanaged<Work>.fromOpaque(argument).takeRetainedValue()
                    work.body(work.number)
                    return nil
                },
                work.toOpaque()
            )
            threads.append(thread)
        }
        for thread in threads { pthread_join(thread, nil) }
    }

    @Test func `what many threads count at the same time is all there, with more threads than stripes, too`() {
        let counter = Counter()
        let histogram = Histogram(.requests)
        let grid = HistogramGrid(rows: 2, columns: 3, .requests)
        onThreads(40) { number in
            for round in 0..<1000 {
                counter.add(2)
                histogram.observe(nanoseconds: Int64(round) * 1_000_000)
                grid.observe(row: 1, column: number % 3, nanoseconds: 5)
            }
        }
        #expect(counter.value == 80_000)
        let snapshot = histogram.snapshot
        #expect(snapshot.count == 40_000)
        // 0 and 1 to 10 ms of each round: bounds are part of their buckets.
        #expect(snapshot.cumulative[4] == 40 * 11)
        #expect(abs(snapshot.sum - 40 * 499.5) < 0.001)
        #expect(grid.snapshots.map(\.row) == [1, 1, 1] && grid.snapshots.map(\.column) == [0, 1, 2])
        #expect(grid.snapshots.reduce(0) { $0 + $1.snapshot.count } == 40_000)
    }

    @Test func `a duration falls into the bucket of the first bound that is not below it`() {
        let histogram = Histogram(Histogram.Bounds([0.001, 0.01]), isShared: false)
        for nanoseconds: Int64 in [0, 1_000_000, 1_000_001, 10_000_000, 10_000_001, 60_000_000_000] {
            histogram.observe(nanoseconds: nanoseconds)
        }
        let snapshot = histogram.snapshot
        #expect(snapshot.cumulative == [2, 4])
        #expect(snapshot.count == 6)
        #expect(abs(snapshot.sum - 60.022_000_002) < 1e-9)
    }

    @Test func `a gauge of a counter falls, too`() {
        let counter = Counter()
        counter.add(10)
        counter.add(-3)
        #expect(counter.value == 7)
    }

    @Test func `a value that nobody knew of makes no series of its own`() {
        let family = CounterFamily("error_type", ["NOT_FOUND", "UNAVAILABLE"])
        for value in ["NOT_FOUND", "x", "y", "other"] { family.add(value) }
        #expect(family.values.map(\.0) == ["NOT_FOUND", "UNAVAILABLE", "other"])
        #expect(family.values.map(\.1) == [1, 0, 3])
    }

    @Test func `where there can be no others, nothing else is counted`() {
        let family = CounterFamily("result", ["ok", "failed"], hasOther: false)
        for value in ["failed", "failed", "x"] { family.add(value) }
        #expect(family.values.map(\.1) == [0, 2])
    }
}
