import Glibc
import Metrics

/// What counting costs: by one thread, and by two that count the same thing at the same time.
@main
enum MetricsBenchmark {
    fileprivate static let rounds = 20_000_000

    static func main() {
        let counter = Counter()
        let histogram = Histogram(.requests)
        let family = CounterFamily("error_type", ["NOT_FOUND", "VALIDATION_ERROR", "UNAVAILABLE"])
        let grid = HistogramGrid(rows: 40, columns: 30, .requests)
        let rows = [
            measure("counter") { _ in counter.add() },
            measure("histogram") { histogram.observe(nanoseconds: Int64($0 & 0xFFFFF) * 1000) },
            measure("counter by a label's value") { family.add($0 & 1 == 0 ? "NOT_FOUND" : "UNAVAILABLE") },
            measure("histogram by route and status") {
                grid.observe(row: $0 & 31, column: $0 & 7, nanoseconds: 1_000_000)
            },
        ]
        if CommandLine.arguments.contains("--json") {
            let members = rows.map { row in
                "\"\(row.name)\":{\"one_thread_ns\":\(row.alone),\"two_threads_ns\":\(row.contended)}"
            }
            print("{\(members.joined(separator: ","))}")
        } else {
            print("| ns for each time | one thread | two at once |\n|---|--:|--:|")
            for row in rows { print("| \(row.name) | \(row.alone) | \(row.contended) |") }
        }
    }

    /// In nanoseconds for each time and thread.
    private struct Row {
        var name: String
        var alone: Double
        var contended: Double
    }

    private static func measure(_ name: String, _ body: @escaping @Sendable (Int) -> Void) -> Row {
        // The least of some runs: other programs only ever add.
        func least(_ threads: Int) -> Double {
            let figure = (0..<5).map { _ in nanoseconds(threads: threads, body) }.min() ?? 0
            return (figure * 10).rounded() / 10
        }
        return Row(name: name, alone: least(1), contended: least(2))
    }

    private static func nanoseconds(threads count: Int, _ body: @escaping @Sendable (Int) -> Void) -> Double {
        let time = ContinuousClock().measure {
            let threads = (0..<count).map { _ in startThread(Work(body)) }
            for thread in threads { pthread_join(thread, nil) }
        }
        return Double(time.components.seconds) * 1e9 / Double(rounds)
            + Double(time.components.attoseconds) / 1e9 / Double(rounds)
    }
}

private final class Work: Sendable {
    private let body: @Sendable (Int) -> Void

    init(_ body: @escaping @Sendable (Int) -> Void) {
        self.body = body
    }

    func run() {
        for round in 0..<MetricsBenchmark.rounds { body(round) }
    }
}

private func startThread(_ work: Work) -> pthread_t {
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(work).toOpaque()
    let result = pthread_create(&thread, nil, runWork, argument)
    precondition(result == 0, "no thread to be had")
    return thread
}

private func runWork(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().run() }
    return nil
}
