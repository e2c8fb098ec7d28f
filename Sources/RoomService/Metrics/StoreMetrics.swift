import Metrics
import Storage

/// What a store was asked for, how long it took, and what became of it.
final class StoreMetrics: MetricSource {
    /// The calls of `Store`. The metrics have their names in snake case.
    enum Operation: Int, CaseIterable {
        case ping, createRoom, room, rooms, updateRoom, deleteRoom, createSession, session, resetContext, contextCount,
            context,
            deleteSession, sessionCount, removeExpiredSessions, begin, withdraw, checkpoint, forgetParts,
            recordHeartbeats, end,
            interruptOrphans, conversation, conversations, deleteConversations, cancelRequests, requestCancellation,
            activeStreams

        var name: String {
            "\(self)".reduce(into: "") { $0 += $1.isUppercase ? "_\($1.lowercased())" : String($1) }
        }
    }

    enum Result: Int, CaseIterable {
        case ok
        /// What was asked for cannot be: no such room, another owner, a limit.
        case refused
        case unavailable
        case failed

        init(_ error: StoreError) {
            self =
                switch error.code {
                case .roomNotFound, .sessionNotFound, .roomLimitReached, .notOwner, .duplicateMessage: .refused
                case .unavailable: .unavailable
                case .schemaMismatch, .inUse, .failed: .failed
                }
        }
    }

    /// For what waits there.
    private let store: any Store
    private let durations = HistogramGrid(rows: Operation.allCases.count, columns: Result.allCases.count, .requests)
    /// By row and column.
    private let labels = Operation.allCases.map { operation in
        Result.allCases.map { [(name: "operation", value: operation.name), (name: "result", value: "\($0)")] }
    }

    init(of store: any Store) {
        self.store = store
    }

    func didEnd(_ operation: Operation, _ result: Result, nanoseconds: Int64) {
        durations.observe(row: operation.rawValue, column: result.rawValue, nanoseconds: nanoseconds)
    }

    func add(to exposition: inout Exposition) {
        let snapshots = durations.snapshots
        // All that there are, so that each can be seen to rise from 0.
        var counts = labels.map { $0.map { _ in 0 } }
        for each in snapshots { counts[each.row][each.column] = each.snapshot.count }
        exposition.add(
            "roomservice_store_operations_total",
            .counter,
            "Calls of the store that have ended, by what became of them",
            zip(labels.joined(), counts.joined()).map { (labels: $0, value: $1) }
        )
        exposition.add(
            "roomservice_store_operation_duration_seconds",
            "Time from a call of the store to its end, of those that were called",
            snapshots.map { (labels: labels[$0.row][$0.column], snapshot: $0.snapshot) }
        )
        exposition.add(
            "roomservice_store_queue_depth",
            .gauge,
            "Calls that wait for one of the store's threads",
            by: "queue",
            store.queues.map { ($0.name, $0.count) }
        )
    }
}
