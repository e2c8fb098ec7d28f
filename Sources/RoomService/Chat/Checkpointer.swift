import HTTPServer
import Primitives
import Storage
import Streaming

/// Stores the text of all running streams about once a second, in one batch, so that a crash costs about a second.
struct Checkpointer: Sendable {
    let store: any Store
    let tracker: ActiveStreamTracker
    let unstoredEnds: UnstoredEnds
    let time: any TimeSource
    let logger: Logger

    /// In nanoseconds.
    private static let interval: Int64 = 1_000_000_000
    /// A stream without new text is still told to be alive this often, in nanoseconds.
    private static let heartbeatInterval: Int64 = 5_000_000_000

    private struct Saved {
        var byteCount: Int
        var at: Int64
    }

    /// Runs until its task is cancelled.
    func run(on loop: EventLoop) async {
        var saved: [String: Saved] = [:]
        while (try? await loop.sleep(until: loop.now + Self.interval)) != nil {
            await save(&saved, now: loop.now)
            await unstoredEnds.store(in: store, logger: logger)
        }
        await unstoredEnds.store(in: store, logger: logger)
    }

    private func save(_ saved: inout [String: Saved], now: Int64) async {
        var current: [String: Saved] = [:]
        var checkpoints: [Checkpoint] = []
        for stream in tracker.running {
            let before = saved[stream.id] ?? Saved(byteCount: 0, at: now)
            let byteCount = stream.log.answerByteCount
            guard byteCount > before.byteCount || now - before.at >= Self.heartbeatInterval else {
                current[stream.id] = before
                continue
            }
            checkpoints.append(
                Checkpoint(
                    conversationID: stream.conversationID,
                    streamID: stream.id,
                    agentResponse: stream.log.answer,
                    at: time.now
                )
            )
            current[stream.id] = Saved(byteCount: byteCount, at: now)
        }
        guard !checkpoints.isEmpty else {
            saved = current
            return
        }
        do throws(StoreError) {
            try await store.checkpoint(checkpoints)
            saved = current
        } catch {
            // What was not saved is tried again with the next batch.
            logger.warning("checkpoint failed", ["streams": .integer(checkpoints.count), "error": .error(error)])
        }
    }
}
