import HTTPServer
import Primitives
import Storage
import Streaming

/// What has to be done now and then: checkpoints every second, and forgetting what has expired.
struct Housekeeping: Sendable {
    let store: any Store
    let tracker: ActiveStreamTracker
    let checkpointer: Checkpointer
    let watch: StoreWatch
    let cluster: ClusterWatch?
    let time: any TimeSource
    let logger: Logger

    /// How often expired sessions are removed, in nanoseconds.
    private static let sessionInterval: Int64 = 60_000_000_000
    /// How often the memory of logs is looked at, in nanoseconds.
    private static let memoryInterval: Int64 = 1_000_000_000

    /// Runs until its task is cancelled.
    func run(on loop: EventLoop) async {
        await withTaskGroup { group in
            group.addTask(executorPreference: loop) { await checkpointer.run(on: loop) }
            group.addTask(executorPreference: loop) { await removeExpired(on: loop) }
            group.addTask(executorPreference: loop) { await limitMemory(on: loop) }
            if let cluster {
                group.addTask(executorPreference: loop) { await cluster.run(on: loop) }
                group.addTask(executorPreference: loop) { await cluster.cluster.remote.run() }
                group.addTask(executorPreference: loop) { await cluster.cluster.followed.run() }
            }
            if store.isShared {
                group.addTask(executorPreference: loop) { await watch.run(on: loop) }
            }
        }
    }

    private func limitMemory(on loop: EventLoop) async {
        while (try? await loop.sleep(until: loop.now + Self.memoryInterval)) != nil { tracker.limitMemory() }
    }

    private func removeExpired(on loop: EventLoop) async {
        while (try? await loop.sleep(until: loop.now + Self.sessionInterval)) != nil {
            let now = time.now
            tracker.endFollowers { $0.expiresAt <= now }
            do throws(StoreError) {
                let count = try await store.removeExpiredSessions(at: time.now)
                if count > 0 { logger.debug("expired sessions removed", ["count": .integer(count)]) }
            } catch {
                logger.warning("expired sessions not removed", ["error": .error(error)])
            }
        }
    }
}
