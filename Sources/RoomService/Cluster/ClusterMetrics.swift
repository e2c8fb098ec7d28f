import Synchronization

/// What is counted of the work with Redis.
final class ClusterMetrics: Sendable {
    /// Commands that have told others of events.
    let commands = Atomic(0)
    /// Entries in them: one for each stream that had something new.
    let entries = Atomic(0)
    /// Events of other instances' streams that have come here.
    let copiedEvents = Atomic(0)
}
