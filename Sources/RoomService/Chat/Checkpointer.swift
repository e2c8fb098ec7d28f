import HTTPServer
import Primitives
import Storage
import Streaming

/// Stores the text of all running streams about once a second, in one batch, so that a crash costs about a second.
///
/// While the store is away the streams go on, and what it has missed is stored when it is back. When their texts need
/// more memory than `memoryLimit`, they pause until then.
struct Checkpointer: Sendable {
    let store: any Store
    let tracker: ActiveStreamTracker
    let backlog: StoreBacklog
    let instanceID: String
    /// For the events of running streams while the store is away, in bytes.
    let memoryLimit: Int
    let time: any TimeSource
    let logger: Logger

    /// In nanoseconds.
    private static let interval: Int64 = 1_000_000_000
    /// A stream is told to be alive this often, in nanoseconds: with `interval` and the time that
    /// storing takes, at least every 5 s.
    private static let heartbeatInterval: Int64 = 3_000_000_000

    private struct Saved {
        var byteCount = 0
        var heartbeatAt: Int64
    }

    /// Runs until its task is cancelled.
    func run(on loop: EventLoop) async {
        var saved: [String: Saved] = [:]
        var awaySince: Int64?
        while (try? await loop.sleep(until: loop.now + Self.interval)) != nil {
            if await !save(&saved, now: loop.now, awaySince: &awaySince) { pauseAnswersIfNeeded() }
            await backlog.offer(to: store)
        }
    }

    /// - Returns: false when the store did not take it.
    private func save(_ saved: inout [String: Saved], now: Int64, awaySince: inout Int64?) async -> Bool {
        var current: [String: Saved] = [:]
        var checkpoints: [Checkpoint] = []
        let heartbeat = time.now
        for stream in tracker.running {
            var news = saved[stream.id] ?? Saved(heartbeatAt: now)
            let byteCount = stream.log.answerByteCount
            let hasText = byteCount > news.byteCount
            let hasHeartbeat = now - news.heartbeatAt >= Self.heartbeatInterval
            if hasText { news.byteCount = byteCount }
            if hasHeartbeat { news.heartbeatAt = now }
            current[stream.id] = news
            guard hasText || hasHeartbeat else { continue }
            checkpoints.append(
                Checkpoint(
                    conversationID: stream.conversationID,
                    streamID: stream.id,
                    instanceID: instanceID,
                    agentResponse: hasText ? stream.log.answer : nil,
                    heartbeat: hasHeartbeat ? heartbeat : nil
                )
            )
        }
        guard !checkpoints.isEmpty else {
            saved = current
            // A store that had no answers to take since it failed is not known to be away.
            if tracker.runningCount == 0 { storeIsBack(&awaySince, now: now) }
            return true
        }
        do throws(StoreError) {
            let ended = try await store.checkpoint(checkpoints)
            saved = current
            await stop(ended)
            storeIsBack(&awaySince, now: now)
            return true
        } catch {
            // What was not saved is tried again with the next batch.
            if awaySince == nil {
                logger.error(
                    "running answers cannot be stored: they go on, and are stored when the store is back",
                    ["streams": .integer(checkpoints.count), "error": .error(error)]
                )
            }
            awaySince = awaySince ?? now
            return false
        }
    }

    /// Answers that another program has ended or deleted need not go on. Those that have ended by themselves are not touched.
    private func stop(_ streamIDs: [String]) async {
        for id in streamIDs { await tracker.running(id: id)?.cancel(.stopped) }
    }

    private func storeIsBack(_ awaySince: inout Int64?, now: Int64) {
        guard let since = awaySince else { return }
        awaySince = nil
        backlog.pauseAnswers(false)
        logger.info(
            "running answers are stored again",
            ["seconds_away": .integer(Int((now - since) / 1_000_000_000)), "waiting_ends": .integer(backlog.count)]
        )
    }

    private func pauseAnswersIfNeeded() {
        guard !backlog.pausesAnswers else { return }
        let byteCount = tracker.running.reduce(0) { $0 + $1.log.memoryByteCount }
        guard byteCount > memoryLimit else { return }
        backlog.pauseAnswers(true)
        logger.warning(
            "running answers pause until the store is back: they need all the memory that STREAM_MEMORY_MB allows",
            ["bytes": .integer(byteCount)]
        )
    }
}
