import HTTPServer
import Primitives
import Streaming

/// `/metrics`: what Prometheus reads.
struct MetricsRoutes: RouteGroup {
    let tracker: ActiveStreamTracker
    let backlog: StoreBacklog
    let server: HTTPServerMetrics
    /// For all logs together, in bytes.
    let memoryLimit: Int

    func add(to router: inout Router<RouteHandler>) {
        router.on(.get, "/metrics", .immediate(metrics))
    }

    private func metrics(_ request: APIRequest) throws(APIError) -> HTTPResponse {
        var text = MetricsText()
        addStreams(to: &text)
        addReaders(to: &text)
        addProcess(to: &text)
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

    private func addProcess(to text: inout MetricsText) {
        let usage = ProcessUsage.current
        text.addStandard("process_cpu_seconds_total", .counter, "User and system time", usage.cpuSeconds)
        text.addStandard("process_resident_memory_bytes", .gauge, "Resident memory", Double(usage.residentBytes))
    }
}
