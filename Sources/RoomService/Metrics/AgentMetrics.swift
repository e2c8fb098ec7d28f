import Agents
import Metrics
import Primitives

/// What the agents have done since the start.
final class AgentMetrics: MetricSource {
    /// Of one agent.
    private final class Counts: Sendable {
        let firstToken = Histogram(.answers)
        let answer = Histogram(.answers)
        /// As the models' services tell them.
        let promptTokens = Counter()
        let completionTokens = Counter()
        let errors = CounterFamily("code", AgentError.Code.allCases.map(\.rawValue) + ["INTERNAL_ERROR"])
    }

    private let registry: AgentRegistry
    private let counts: [String: Counts]

    init(_ registry: AgentRegistry) {
        self.registry = registry
        counts = Dictionary(uniqueKeysWithValues: registry.agents.map { ($0.name, Counts()) })
    }

    /// An answer has ended.
    ///
    /// - Parameters:
    ///   - progress: what was measured of it, until `now`.
    ///   - metadata: what the agent tells of it.
    func didEnd(_ end: ReplyEnd, agent: String, _ progress: Reply.Progress, _ metadata: JSONObject, now: Int64) {
        guard let counts = counts[agent] else { return }
        if let time = progress.firstTokenTime { counts.firstToken.observe(nanoseconds: time) }
        counts.answer.observe(nanoseconds: progress.time(at: now))
        counts.promptTokens.add(Int(metadata["prompt_tokens"]?.integerValue ?? 0))
        counts.completionTokens.add(Int(metadata["completion_tokens"]?.integerValue ?? 0))
        if case .failed(let code, _, _) = end { counts.errors.add(code) }
    }

    func add(to exposition: inout Exposition) {
        addAnswers(to: &exposition)
        addUpstreams(to: &exposition)
    }

    private func addAnswers(to exposition: inout Exposition) {
        let agents = registry.agents.compactMap { agent in counts[agent.name].map { (agent.name, $0) } }
        exposition.add(
            "roomservice_agent_first_token_seconds",
            "Time from a question to the first of its answer's text",
            agents.map { (labels: [("agent", $0.0)], snapshot: $0.1.firstToken.snapshot) }
        )
        exposition.add(
            "roomservice_agent_answer_seconds",
            "Time from a question to the end of its answer",
            agents.map { (labels: [("agent", $0.0)], snapshot: $0.1.answer.snapshot) }
        )
        exposition.add(
            "roomservice_agent_tokens_total",
            .counter,
            "Tokens, as the models' services tell them",
            agents.flatMap { name, counts in
                [("prompt", counts.promptTokens), ("completion", counts.completionTokens)].map {
                    (labels: [("agent", name), ("kind", $0.0)], value: $0.1.value)
                }
            }
        )
        exposition.add(
            "roomservice_agent_errors_total",
            .counter,
            "Answers that failed, by the error's code",
            agents.flatMap { name, counts in
                counts.errors.values.map { (labels: [("agent", name), ("code", $0.0)], value: $0.1) }
            }
        )
    }

    /// Of the services behind the agents that have one.
    private func addUpstreams(to exposition: inout Exposition) {
        let agents = registry.agents.compactMap { agent in agent.health.map { (name: agent.name, health: $0) } }
        func add(_ name: String, _ kind: Exposition.Kind, _ help: String, _ value: (AgentHealth) -> Int) {
            exposition.add(name, kind, help, agents.map { (labels: [("agent", $0.name)], value: value($0.health)) })
        }
        add("roomservice_agent_retries_total", .counter, "Requests to a model that were made again") { $0.retries }
        add("roomservice_agent_requests_running", .gauge, "Answers that the agent's service makes") {
            $0.upstream.running
        }
        add("roomservice_agent_requests_waiting", .gauge, "Questions that wait for it") { $0.upstream.waiting }
        add("roomservice_agent_requests_limit", .gauge, "Answers that it may make at the same time") {
            $0.upstream.limits.concurrent
        }
        add("roomservice_agent_circuit_open", .gauge, "1 while it is left alone after failures") {
            $0.upstream.circuit == .open ? 1 : 0
        }
    }
}
