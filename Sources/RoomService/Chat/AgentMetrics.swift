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
        /// Answers that failed, by the error's code: all that there are, so that each can be seen to rise from 0.
        private(set) var errors = AgentError.Code.allCases.map { (code: $0.rawValue, count: 0) }

        mutating func addError(_ code: String) {
            if let index = errors.firstIndex(where: { $0.code == code }) {
                errors[index].count += 1
            } else {
                errors.append((code, 1))
            }
        }
    }

    private let state = Mutex<[String: Counts]>([:])

    /// An answer has ended.
    ///
    /// - Parameters:
    ///   - progress: what was measured of it, until `now`.
    ///   - metadata: what the agent tells of it.
    func didEnd(_ end: ReplyEnd, agent: String, _ progress: Reply.Progress, _ metadata: JSONObject, now: Int64) {
        state.withLock { state in
            var counts = state[agent] ?? Counts()
            if let time = progress.firstTokenTime { counts.firstToken.add(Double(time) / 1e9) }
            counts.answer.add(Double(progress.time(at: now)) / 1e9)
            counts.promptTokens += Int(metadata["prompt_tokens"]?.integerValue ?? 0)
            counts.completionTokens += Int(metadata["completion_tokens"]?.integerValue ?? 0)
            if case .failed(let code, _, _) = end { counts.addError(code) }
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
