import HTTPServer
import Primitives
import Storage
import Streaming

/// Looks after what other programs leave in the store: answers of instances that are gone, and requests to stop.
struct StoreWatch: Sendable {
    let store: any Store
    let tracker: ActiveStreamTracker
    let instanceID: String
    let time: any TimeSource
    let logger: Logger
    /// Whether it has been told already that the store cannot be reached.
    var isKnownToBeAway = false

    /// How often requests to stop are looked for, in nanoseconds: a stop takes at most this long, and a round trip.
    private static let interval: Int64 = 1_000_000_000
    /// How often orphans are looked for, in turns of `interval`.
    private static let turnsPerSweep = 5
    /// An instance that has not been heard of for this long is gone. It is heard of at least every 5 s.
    private static let staleAfter = Duration.seconds(30)
    /// For this long the store must have been within reach before orphans are looked for, in nanoseconds: when it was away,
    /// it was so for other instances too, and they must have had the time to be heard of again.
    private static let settlingTime: Int64 = 10_000_000_000

    /// Runs until its task is cancelled. A store that cannot be reached is tried again at the next turn.
    func run(on loop: EventLoop) async {
        var turn = 0
        var reachableSince: Int64?
        var lastFailure: StoreError.Code? = isKnownToBeAway ? .unavailable : nil
        var lastTurn = loop.now
        repeat {
            // Whoever was suspended for a while may not have been the only one: others must be heard of again, too.
            if loop.now - lastTurn > Self.settlingTime { reachableSince = nil }
            lastTurn = loop.now
            do throws(StoreError) {
                if turn % Self.turnsPerSweep == 0 {
                    let isSettled = reachableSince.map { loop.now - $0 >= Self.settlingTime } ?? false
                    if isSettled { try await interruptOrphans() } else { try await store.ping() }
                }
                if tracker.runningCount > 0 { try await stopRequested() }
                if lastFailure != nil { logger.info("the store is back", ["store": .string(store.backend)]) }
                lastFailure = nil
                reachableSince = reachableSince ?? loop.now
            } catch {
                if lastFailure != error.code {
                    logger.error("the store cannot be used", ["store": .string(store.backend), "error": .error(error)])
                }
                lastFailure = error.code
                reachableSince = nil
            }
            // What has failed is tried again at the next turn.
            turn = lastFailure == nil ? turn + 1 : 0
        } while (try? await loop.sleep(until: loop.now + Self.interval)) != nil
    }

    /// Marks the answers interrupted that nobody makes any more.
    func interruptOrphans() async throws(StoreError) {
        let now = time.now
        let staleBefore = store.isShared ? now - Self.staleAfter : nil
        let count = try await store.interruptOrphans(notOf: instanceID, staleBefore: staleBefore, at: now)
        guard count > 0 else { return }
        let of = store.isShared ? "an instance that is gone" : "a former run"
        logger.warning("answers of \(of) marked interrupted", ["count": .integer(count)])
    }

    private func stopRequested() async throws(StoreError) {
        for id in try await store.cancelRequests(instanceID: instanceID) {
            guard let stream = tracker.stream(id: id), !stream.isCancelled else { continue }
            await stream.cancel(.stopped, by: .store)
        }
    }
}
