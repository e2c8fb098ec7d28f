import Metrics
import Synchronization

/// What is counted of streams and their readers, by all loops: for the operator.
package final class StreamMetrics: Sendable {
    /// Readers that are there now.
    package let subscribers = Atomic(0)
    /// Readers that got the stream so far as one event, as its single events were no longer held.
    package let resets = Atomic(0)
    /// Readers that were cut because they lagged further than events are held.
    package let cutForLag = Atomic(0)
    package let started = Atomic(0)
    /// Events of streams that have ended.
    private let endedEvents = Atomic(0)
    /// The most that was told.
    private let toldEvents = Atomic(0)
    /// Events that readers were sent, to each its own, and bytes, with all that stands around them.
    package let sentEvents = Counter()
    package let sentBytes = Counter()
    private let completed = Atomic(0)
    private let cancelled = Atomic(0)
    private let interrupted = Atomic(0)
    private let failed = Atomic(0)

    package init() {}

    func didEnd(eventCount: Int) { endedEvents.add(eventCount, ordering: .relaxed) }

    /// How many events there were, with `running` of streams that run. A stream that ends just then may be in neither number:
    /// what has been told once is never taken back, as a counter that falls counts as one that begins again.
    func eventCount(besides running: Int) -> Int {
        let count = endedEvents.load(ordering: .relaxed) + running
        return toldEvents.max(count, ordering: .relaxed).newValue
    }

    package func didEnd(_ end: StreamEnd) {
        switch end {
        case .complete: completed.add(1, ordering: .relaxed)
        case .cancelled: cancelled.add(1, ordering: .relaxed)
        case .interrupted: interrupted.add(1, ordering: .relaxed)
        case .error: failed.add(1, ordering: .relaxed)
        }
    }

    /// How many streams have ended so.
    package func ended(_ end: StreamEnd) -> Int {
        switch end {
        case .complete: completed.load(ordering: .relaxed)
        case .cancelled: cancelled.load(ordering: .relaxed)
        case .interrupted: interrupted.load(ordering: .relaxed)
        case .error: failed.load(ordering: .relaxed)
        }
    }
}
