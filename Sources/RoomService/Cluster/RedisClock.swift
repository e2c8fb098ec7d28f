import Primitives
import Redis
import Synchronization

/// The time by Redis's clock, which all instances share: how long what was told may be under way.
///
/// Off by half a round trip at the most. From any thread, but for `measure`.
final class RedisClock: Sendable {
    private let time: any TimeSource
    /// Redis's time less this process's monotonic one, in milliseconds; `.min`: not known yet.
    private let offset = Atomic(Int64.min)
    private let sample = Mutex((roundTrip: Int64.max, at: Int64(0)))

    /// Of two measurements that are no older the one with the shorter round trip is right, in nanoseconds.
    private static let sampleAge: Int64 = 10_000_000_000

    init(time: any TimeSource) { self.time = time }

    /// The time now, in milliseconds; nil: not known yet.
    var now: Int64? {
        let offset = offset.load(ordering: .relaxed)
        return offset == .min ? nil : time.monotonicNanoseconds / 1_000_000 + offset
    }

    /// Asks Redis. To be called on the client's loop.
    func measure(_ client: RedisClient) async throws(RedisError) {
        let asked = time.monotonicNanoseconds
        let reply = try await client.send(["TIME"])
        let answered = time.monotonicNanoseconds
        let numbers = reply.array?.compactMap { $0.text.flatMap { Int64($0) } } ?? []
        guard numbers.count == 2 else { return }
        let redisTime = numbers[0] * 1000 + numbers[1] / 1000
        let isBetter = sample.withLock { sample in
            guard answered - asked <= sample.roundTrip || answered - sample.at > Self.sampleAge else { return false }
            sample = (answered - asked, answered)
            return true
        }
        if isBetter { offset.store(redisTime - (asked + answered) / 2_000_000, ordering: .relaxed) }
    }
}
