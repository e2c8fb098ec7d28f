import Primitives
import Redis
import Synchronization

/// Tells of what Redis refuses, which those who have asked for it take for a Redis that is away: each kind once a minute, however often it comes.
final class RefusalLog: Sendable {
    private let logger: Logger
    private let time: any TimeSource
    /// When each was told last, in monotonic nanoseconds.
    private let told = Mutex<[String: Int64]>([:])

    private static let interval: Int64 = 60_000_000_000
    /// More than one fault has: its words may name what is different each time.
    private static let mostKinds = 16

    init(logger: Logger, time: any TimeSource) {
        self.logger = logger
        self.time = time
    }

    /// From any thread.
    func note(_ error: RedisError) {
        let (kind, now) = (error.description, time.monotonicNanoseconds)
        let isNew = told.withLock { told in
            told = told.filter { now - $0.value < Self.interval }
            guard told[kind] == nil, told.count < Self.mostKinds else { return false }
            told[kind] = now
            return true
        }
        if isNew { logger.error("Redis refuses a command", ["error": .error(error)]) }
    }
}
