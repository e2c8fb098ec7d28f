/// The time as an agent sees it: a clock that a test can drive.
package protocol AgentClock: Sendable {
    /// A clock that never goes back, in nanoseconds from an arbitrary start.
    var monotonicNanoseconds: Int64 { get }

    /// What `CLOCK_REALTIME` said at that time of the monotonic clock, or says now where that is still to come:
    /// nanoseconds since 1970-01-01T00:00:00Z.
    func realTimeNanoseconds(at monotonic: Int64) -> Int64
}
