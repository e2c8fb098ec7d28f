import HTTPServer
import Metrics
import Storage
import Streaming

/// The streams, who reads them, and the memory that they take.
struct StreamSource: MetricSource {
    let tracker: ActiveStreamTracker
    let backlog: StoreBacklog
    let store: any Store
    let server: HTTPServerMetrics
    /// For all logs together, in bytes.
    let memoryLimit: Int

    func add(to exposition: inout Exposition) {
        // Once, as it looks at every running stream.
        let usage = tracker.usage
        addStreams(to: &exposition, eventCount: usage.eventCount)
        addMemory(to: &exposition, running: usage.running, ended: usage.ended)
        addReaders(to: &exposition)
        addConnections(to: &exposition)
    }

    private func addStreams(to exposition: inout Exposition, eventCount: Int) {
        let metrics = tracker.metrics
        let running = tracker.runningCount
        exposition.add("active_streams", .gauge, "Answers that are being made", running)
        exposition.add("roomservice_streams_running", .gauge, "Answers that are being made", running)
        exposition.add(
            "roomservice_streams_capacity",
            .gauge,
            "Answers that may run at the same time",
            tracker.capacity
        )
        exposition.add(
            "roomservice_streams_started_total",
            .counter,
            "Answers begun",
            metrics.started.load(ordering: .relaxed)
        )
        exposition.add(
            "roomservice_streams_ended_total",
            .counter,
            "Answers ended, by how",
            by: "status",
            StreamEnd.allCases.map { ($0.rawValue, metrics.ended($0)) }
        )
        exposition.add(
            "roomservice_stream_events_total",
            .counter,
            "Events of all answers, each counted once",
            eventCount
        )
        exposition.add(
            "roomservice_streams_waiting_for_store",
            .gauge,
            "Answers whose end the store has not taken yet",
            backlog.count
        )
        exposition.add(
            "roomservice_streams_paused",
            .gauge,
            "1 while answers pause for the store",
            backlog.pausesAnswers ? 1 : 0
        )
    }

    private func addMemory(to exposition: inout Exposition, running: Int, ended: Int) {
        exposition.add(
            "roomservice_stream_log_bytes",
            .gauge,
            "Memory of the answers' events and texts",
            by: "state",
            [("running", running), ("ended", ended)]
        )
        exposition.add("roomservice_stream_log_limit_bytes", .gauge, "Memory that there is for them", memoryLimit)
        var parts = [("stream_logs", running + ended), ("connection_buffers", server.bufferBytes.value)]
        if let byteCount = store.memoryByteCount { parts.append(("store", byteCount)) }
        exposition.add("roomservice_memory_bytes", .gauge, "Memory by what it is used for", by: "part", parts)
    }

    private func addReaders(to exposition: inout Exposition) {
        let metrics = tracker.metrics
        exposition.add(
            "roomservice_stream_readers",
            .gauge,
            "Clients that read an answer or wait for one",
            metrics.subscribers.load(ordering: .relaxed)
        )
        exposition.add(
            "roomservice_stream_followers",
            .gauge,
            "Those of them that follow a session",
            tracker.followerCount
        )
        exposition.add(
            "roomservice_stream_sent_events_total",
            .counter,
            "Events that readers were sent, to each its own",
            metrics.sentEvents.value
        )
        exposition.add(
            "roomservice_stream_sent_bytes_total",
            .counter,
            "Bytes of streams that sockets have taken",
            metrics.sentBytes.value
        )
        exposition.add(
            "roomservice_stream_resets_total",
            .counter,
            "Readers that got the answer so far as one event",
            metrics.resets.load(ordering: .relaxed)
        )
        exposition.add(
            "roomservice_readers_cut_total",
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

    private func addConnections(to exposition: inout Exposition) {
        exposition.add(
            "roomservice_connections",
            .gauge,
            "Open connections",
            server.connections.load(ordering: .relaxed)
        )
        exposition.add(
            "roomservice_connections_accepted_total",
            .counter,
            "Connections",
            server.accepted.load(ordering: .relaxed)
        )
        exposition.add(
            "roomservice_http_sent_bytes_total",
            .counter,
            "Bytes that sockets have taken, heads and bodies",
            server.sentBytes.value
        )
    }
}
