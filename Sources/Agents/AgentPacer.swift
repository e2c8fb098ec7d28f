/// How an agent waits: without a thread, and by a clock that a test can drive.
package protocol AgentPacer: Sendable {
    /// A clock that never goes back, in nanoseconds from an arbitrary start.
    var monotonicNanoseconds: Int64 { get }

    /// `CLOCK_REALTIME`: nanoseconds since 1970-01-01T00:00:00Z.
    var realTimeNanoseconds: Int64 { get }

    /// Sleeps until `deadline`, a time of `monotonicNanoseconds`; does not sleep when that has passed.
    ///
    /// - Throws: `CancellationError`, at once, when the task is cancelled.
    func sleep(until deadline: Int64) async throws
}
