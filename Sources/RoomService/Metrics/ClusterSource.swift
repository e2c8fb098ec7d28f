import Metrics

/// What is shared with other instances.
struct ClusterSource: MetricSource {
    let cluster: Cluster

    func add(to exposition: inout Exposition) {
        let metrics = cluster.metrics
        exposition.add(
            "roomservice_cluster_member",
            .gauge,
            "1 while this instance has a lease in Redis; 0: it goes on alone",
            cluster.membership.token == nil ? 0 : 1
        )
        exposition.add(
            "roomservice_cluster_commands_total",
            .counter,
            "Commands that have told Redis of events",
            metrics.commands.load(ordering: .relaxed)
        )
        exposition.add(
            "roomservice_cluster_entries_total",
            .counter,
            "Entries in them, one for each stream with something new",
            metrics.entries.load(ordering: .relaxed)
        )
        exposition.add(
            "roomservice_cluster_copies",
            .gauge,
            "Streams of other instances that are followed here",
            cluster.copyCount
        )
        exposition.add(
            "roomservice_cluster_copied_events_total",
            .counter,
            "Events of theirs that have come",
            metrics.copiedEvents.load(ordering: .relaxed)
        )
    }
}
