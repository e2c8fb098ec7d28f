import HTTPServer
import Metrics
import Storage

/// The process as a whole: what runs here, its loops, and what the system says of it.
struct ProcessSource: MetricSource {
    let group: EventLoopGroup
    let store: any Store
    let logger: Logger
    /// Of the process, in seconds since 1970.
    let startTime = ProcessUsage.startTime

    func add(to exposition: inout Exposition) {
        exposition.add(
            "roomservice_build_info",
            .gauge,
            "1, with what runs here",
            [(labels: [("version", ServiceInfo.version), ("store", store.backend)], value: 1)]
        )
        exposition.add(
            "roomservice_log_lines_dropped_total",
            .counter,
            "Log lines that were lost, as standard error did not take them in time",
            logger.droppedLines
        )
        addLoops(to: &exposition)
        addUsage(to: &exposition)
    }

    private func addLoops(to exposition: inout Exposition) {
        func labels(_ loop: Int) -> Exposition.Labels { [("loop", String(loop))] }
        exposition.add(
            "roomservice_loop_lag_seconds",
            "By how much the first timer of a loop's turn was late",
            group.loops.map { (labels: labels($0.index), snapshot: $0.lag.snapshot) }
        )
        exposition.add(
            "roomservice_loop_cpu_seconds_total",
            .counter,
            "CPU time of a loop's thread",
            group.cpuSeconds.enumerated().map { (labels: labels($0.offset), value: $0.element) }
        )
        exposition.add(
            "roomservice_loop_queue_depth",
            .gauge,
            "What other threads have handed to a loop and it has not taken",
            group.loops.map { (labels: labels($0.index), value: $0.mailboxCount) }
        )
    }

    private func addUsage(to exposition: inout Exposition) {
        let usage = ProcessUsage.current
        exposition.add("process_cpu_seconds_total", .counter, "User and system time", usage.cpuSeconds)
        exposition.add("process_resident_memory_bytes", .gauge, "Resident memory", usage.residentBytes)
        exposition.add("process_virtual_memory_bytes", .gauge, "Address space", usage.virtualBytes)
        exposition.add("process_open_fds", .gauge, "Open file descriptors", usage.openDescriptors)
        exposition.add("process_max_fds", .gauge, "File descriptors that may be open", usage.maxDescriptors)
        exposition.add("process_start_time_seconds", .gauge, "When the process began, since 1970", startTime)
    }
}
