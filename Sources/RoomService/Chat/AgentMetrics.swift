import Agents
import Primitives
import Synchronization

/// What the agents have done since the start, by their names.
final class AgentMetrics: Sendable {
    struct Counts: Sendable {
        /// From a question to the first of its answer's text, in seconds.
        var firstToken = Histogram(bounds: Histogram.seconds)
        /// From a question to the end of its answer, in seconds.
        var answer = Histogram(bounds: Histogram.seconds)
        /// As the models' services tell them.
        var promptTokens = 0
        var completionTokens = 0
        var errors: [String: Int] = [:]
    }

    private let state = Mutex<[String: Counts]>([:])

    /// An answer has ended.
    ///
    /// - Parameter metadata: what is stored with it.
    func didEnd(_ end: ReplyEnd, agent: String, metadata: JSONObject) {
        state.withLock { state in
            var counts = state[agent] ?? Counts()
            if let time = metadata["first_token_ms"]?.doubleValue { counts.firstToken.add(time / 1000) }
            if let time = metadata["response_time_ms"]?.doubleValue { counts.answer.add(time / 1000) }
            counts.promptTokens += Int(metadata["prompt_tokens"]?.integerValue ?? 0)
            counts.completionTokens += Int(metadata["completion_tokens"]?.integerValue ?? 0)
            if case .failed(let code, _) = end { counts.errors[code, default: 0] += 1 }
            state[agent] = counts
        }
    }

    func counts(of agent: String) -> Counts { state.withLock { $0[agent] } ?? Counts() }
}

/// How often values fell below which bounds.
struct Histogram: Sendable {
    /// Bounds for times from a fast model's first token to a long answer.
    static let seconds = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300]

    /// Upper bounds, rising; above the last there is no bound.
    let bounds: [Double]
    /// For each bound, how many values were not above it, but above the one before.
    private var counts: [Int]
    private(set) var count = 0
    private(set) var sum = 0.0

    init(bounds: [Double]) {
        self.bounds = bounds
        counts = Array(repeating: 0, count: bounds.count)
    }

    mutating func add(_ value: Double) {
        count += 1
        sum += value
        if let index = bounds.firstIndex(where: { value <= $0 }) { counts[index] += 1 }
    }

    /// For each bound, how many values were not above it.
    var cumulative: [(bound: Double, count: Int)] {
        var total = 0
        return zip(bounds, counts).map { bound, count in
            total += count
            return (bound, total)
        }
    }
}
