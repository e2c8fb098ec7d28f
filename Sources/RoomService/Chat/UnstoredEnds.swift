import Storage
import Synchronization

/// Ends of answers that the store did not take in time. They are stored when it takes them again, so that no conversation
/// is left as if it were still running.
///
/// As many as there were answers when the store failed: without it, no new one begins.
final class UnstoredEnds: Sendable {
    private let ends = Mutex<[ConversationEnd]>([])

    func add(_ end: ConversationEnd) {
        ends.withLock { $0.append(end) }
    }

    /// Offers them to the store again, up to the first that it does not take yet. For one task.
    func store(in store: any Store, logger: Logger) async {
        while let end = ends.withLock({ $0.first }) {
            do throws(StoreError) {
                _ = try await store.end(end)
                logger.info("answer stored late", ["stream.id": .string(end.streamID)])
            } catch {
                guard error.code != .unavailable else { return }
                logger.error("answer given up", ["stream.id": .string(end.streamID), "error": .error(error)])
            }
            ends.withLock { _ = $0.removeFirst() }
        }
    }
}
