import Agents
import HTTPServer
import Primitives
import Streaming

/// `/metrics`: what Prometheus reads.
struct MetricsRoutes: RouteGroup {
    let tracker: ActiveStreamTracker
    let agents: AgentRegistry
    let agentMetrics: AgentMetrics
    let backlog: StoreBacklog
    let cluster: Cluster?
    let server: HTTPServerMetrics
    /// For all logs together, in bytes.
    let memoryLimit: Int
    let logger: Logger

    func add(to router: inout Router<RouteHandler>) {
        router.on(.get, "/metrics", .immediate(metrics))
    }

    private func metrics(_ request: APIRequest) throws(APIError) -> HTTPResponse {
        var text = MetricsText()
        addStreams(to: &text)
        addReaders(to: &text)
        addAgents(to: &text)
        addUpstreams(to: &text)
        addCluster(to: &text)
        addProcess(to: &text)
        text.add(
            "log_lines_dropped_total",
            .counter,
            "Log lines that were lost, as standard error did not take them in time",
            logger.droppedLines
        )
        return text.response
    }

    private func addStreams(to text: inout MetricsText) {
        let metrics = tracker.metrics
        let running = tracker.running
        let events = running.reduce(metrics.endedEvents.load(ordering: .relaxed)) { $0 + $1.log.eventCount }
        let memory = tracker.memory
        text.add("streams_running", .gauge, "Answers that are being made", running.count)
        text.add("streams_capacity", .gauge, "Answers that may run at the same time", tracker.capacity)
        text.add("streams_started_total", .counter, "Answers begun", metrics.started.load(ordering: .relaxed))
        text.add(
            "streams_ended_total",
            .counter,
            "Answers ended, by how",
            by: "status",
            StreamEnd.allCases.map { ($0.rawValue, metrics.ended($0)) }
        )
        text.add("stream_events_total", .counter, "Events of all answers, each counted once", events)
        text.add(
            "stream_log_bytes",
            .gauge,
            "Memory of the answers' events and texts",
            by: "state",
            [("running", memory.running), ("ended", memory.ended)]
        )
        text.add("stream_log_limit_bytes", .gauge, "Memory that there is for them", memoryLimit)
        text.add("streams_waiting_for_store", .gauge, "Answers whose end the store has not taken yet", backlog.count)
        text.add("streams_paused", .gauge, "1 while answers pause for the store", backlog.pausesAnswers ? 1 : 0)
    }

    private func addReaders(to text: inout MetricsText) {
        let metrics = tracker.metrics
        text.add("connections", .gauge, "Open connections", server.connections.load(ordering: .relaxed))
        text.add("connections_accepted_total", .counter, "Connections", server.accepted.load(ordering: .relaxed))
        text.add("stream_readers", .gauge, "Clients that read an answer", metrics.subscribers.load(ordering: .relaxed))
        text.add("stream_followers", .gauge, "Those of them that follow a session", tracker.followerCount)
        text.add(
            "stream_resets_total",
            .counter,
            "Readers that got the answer so far as one event",
            metrics.resets.load(ordering: .relaxed)
        )
        text.add(
            "readers_cut_total",
            .counter,
            "Readers whose connection was cut, by why",
            by: "reason",
            [
                ("lag", metrics.cutForLag.load(ordering: .relaxed)),
                ("stuck", server.cutStuck.load(ordering: .relaxed)),
                ("vanished", server.cutVanished.load(ordering: .relaxed)),
            ]
        )
    }

    private func addAgents(to text: inout MetricsText) {
        let agents = agents.agents.map { (name: $0.name, counts: agentMetrics.counts(of: $0.name)) }
        text.add(
            "agent_first_token_seconds",
            "Time from a question to the first of its answer's text",
            by: "agent",
            agents.map { ($0.name, $0.counts.firstToken) }
        )
        text.add(
            "agent_answer_seconds",
            "Time from a question to the end of its answer",
            by: "agent",
            agents.map { ($0.name, $0.counts.answer) }
        )
        text.add(
            "agent_tokens_total",
            .counter,
            "Tokens, as the models' services tell them",
            agents.flatMap { name, counts in
                [("prompt", counts.promptTokens), ("completion", counts.completionTokens)].map {
                    (labels: [("agent", name), ("kind", $0.0)], value: $0.1)
                }
            }
        )
        text.add(
            "agent_errors_total",
            .counter,
            "Answers that failed, by the error's code",
            agents.flatMap { name, counts in
                counts.errors.map { (labels: [("agent", name), ("code", $0)], value: $1) }
            }
        )
    }

    /// Of the services behind the agents that have one.
    private func addUpstreams(to text: inout MetricsText) {
        let agents = agents.agents.compactMap { agent in agent.health.map { (name: agent.name, health: $0) } }
        func add(_ name: String, _ kind: MetricsText.Kind, _ help: String, _ value: (AgentHealth) -> Int) {
            text.add(name, kind, help, agents.map { (labels: [("agent", $0.name)], value: value($0.health)) })
        }
        add("agent_retries_total", .counter, "Requests to a model that were made again") { $0.retries }
        add("agent_requests_running", .gauge, "Answers that the agent's service makes") { $0.upstream.running }
        add("agent_requests_waiting", .gauge, "Questions that wait for it") { $0.upstream.waiting }
        add("agent_requests_limit", .gauge, "Answers that it may make at the same time") {
            $0.upstream.limits.concurrent
        }
        add("agent_circuit_open", .gauge, "1 while it is left alone after failures") {
            $0.upstream.circuit == .open ? 1 : 0
        }
    }

    private func addCluster(to text: inout MetricsText) {
        guard let cluster else { return }
        let metrics = cluster.metrics
        text.add(
            "cluster_member",
            .gauge,
            "1 while this instance has a lease in Redis; 0: it goes on alone",
            cluster.membership.token == nil ? 0 : 1
        )
        text.add(
            "cluster_commands_total",
            .counter,
            "Commands that have told Redis of events",
            metrics.commands.load(ordering: .relaxed)
        )
        text.add(
            "cluster_entries_total",
            .counter,
            "Entries in them, one for each stream with something new",
            metrics.entries.load(ordering: .relaxed)
        )
        text.add("cluster_copies", .gauge, "Streams of other instances that are followed here", cluster.copyCount)
        text.add(
            "cluster_copied_events_total",
            .counter,
            "Events of theirs that have come",
            metrics.copiedEvents.load(ordering: .relaxed)
        )
    }

    private func addProcess(to text: inout MetricsText) {
        let usage = ProcessUsage.current
        text.addStandard("process_cpu_seconds_total", .counter, "User and system time", usage.cpuSeconds)
        text.addStandard("process_resident_memory_bytes", .gauge, "Resident memory", Double(usage.residentBytes))
    }
}
