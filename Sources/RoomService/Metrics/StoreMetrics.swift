import Metrics
import Storage

/// What a store was asked for, how long it took, and what became of it.
final class StoreMetrics: MetricSource {
    /// As the metrics name them.
    enum Operation: String, CaseIterable {
        case ping
        case createRoom = "create_room"
        case room
        case rooms
        case updateRoom = "update_room"
        case deleteRoom = "delete_room"
        case createSession = "create_session"
        case session
        case resetContext = "reset_context"
        case contextCount = "context_count"
        case context
        case deleteSession = "delete_session"
        case sessionCount = "session_count"
        case removeExpiredSessions = "remove_expired_sessions"
        case begin
        case withdraw
        case checkpoint
        case forgetParts = "forget_parts"
        case recordHeartbeats = "record_heartbeats"
        case end
        case interruptOrphans = "interrupt_orphans"
        case conversation
        case conversations
        case deleteConversations = "delete_conversations"
        case cancelRequests = "cancel_requests"
        case requestCancellation = "request_cancellation"
        case activeStreams = "active_streams"
    }

    enum Result: String, CaseIterable {
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
    private let operations: [Operations]

    private struct Operations: Sendable {
        let operation: Operation
        let results = CaseCounters<Result>()
        let durations = Histogram(.requests)
    }

    init(of store: any Store) {
        self.store = store
        operations = Operation.allCases.map { Operations(operation: $0) }
    }

    func didEnd(_ operation: Operation, _ result: Result, nanoseconds: Int64) {
        guard let place = operations.first(where: { $0.operation == operation }) else { return }
        place.results.add(result)
        place.durations.observe(nanoseconds: nanoseconds)
    }

    func add(to exposition: inout Exposition) {
        exposition.add(
            "roomservice_store_operations_total",
            .counter,
            "Calls of the store that have ended, by what became of them",
            operations.flatMap { place in
                place.results.values.map { result, count in
                    (labels: [("operation", place.operation.rawValue), ("result", result)], value: count)
                }
            }
        )
        exposition.add(
            "roomservice_store_operation_duration_seconds",
            "Time from a call of the store to its end, of those that were called",
            operations.filter { $0.durations.snapshot.count > 0 }.map { place in
                (labels: [("operation", place.operation.rawValue)], histogram: place.durations)
            }
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
