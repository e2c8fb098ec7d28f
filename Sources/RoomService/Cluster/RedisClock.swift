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
    private let sample = Mutex<Sample?>(nil)

    private struct Sample {
        /// As above.
        var offset: Int64
        /// In nanoseconds, as is when it came.
        var roundTrip: Int64
        var at: Int64
    }

    /// Of two measurements that are no older the one with the shorter round trip is right, in nanoseconds.
    private static let sampleAge: Int64 = 10_000_000_000
    /// What took longer, also as this process was held up, is worse than an older measurement, in nanoseconds.
    private static let longestRoundTrip: Int64 = 400_000_000
    /// What rounding, and clocks that drift in that time, may add to the half round trips, in milliseconds.
    private static let tolerance: Int64 = 5

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
        let new = Sample(
            offset: redisTime - (asked + answered) / 2_000_000,
            roundTrip: answered - asked,
            at: answered
        )
        let isBetter = sample.withLock { sample in
            if let sample, new.roundTrip > sample.roundTrip, !Self.contradict(sample, new),
                new.at - sample.at <= Self.sampleAge || new.roundTrip > Self.longestRoundTrip
            {
                return false
            }
            sample = new
            return true
        }
        if isBetter { offset.store(new.offset, ordering: .relaxed) }
    }

    /// Whether no clock could have answered both: it has been set, or another Redis answers. What is told by the old one would be late for all.
    private static func contradict(_ old: Sample, _ new: Sample) -> Bool {
        abs(new.offset - old.offset) > (new.roundTrip + old.roundTrip) / 2_000_000 + tolerance
    }
}
