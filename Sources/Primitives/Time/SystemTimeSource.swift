import Glibc

/// The system's clocks: `CLOCK_REALTIME` and `CLOCK_MONOTONIC`.
package struct SystemTimeSource: TimeSource {
    package init() {}

    package var now: Timestamp {
        Timestamp(milliseconds: nanoseconds(of: CLOCK_REALTIME) / 1_000_000)
    }

    package var monotonicNanoseconds: Int64 {
        nanoseconds(of: CLOCK_MONOTONIC)
    }

    package func sleepLimit(until deadline: Int64, slack: Int64) -> Int64? {
        max(0, min(deadline, .max - slack) + slack - monotonicNanoseconds)
    }

    package func addWaker(_ waker: @escaping @Sendable () -> Void) {}
}

/// The time of one of the system's clocks, in nanoseconds.
package func nanoseconds(of clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}
