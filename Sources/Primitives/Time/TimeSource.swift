/// Where the time comes from: the system's clocks, or a test's.
package protocol TimeSource: Sendable {
    /// The wall clock, for what is stored and shown. It may jump.
    var now: Timestamp { get }

    /// A clock that never goes back, in nanoseconds from an arbitrary start: for deadlines and durations.
    var monotonicNanoseconds: Int64 { get }

    /// How long a thread may sleep, in nanoseconds of real time, before it must look at a deadline of `monotonicNanoseconds`,
    /// for which it may be `slack` nanoseconds late. Nil: for ever, as time moves only by an advance, which calls the wakers; it makes nobody late.
    func sleepLimit(until deadline: Int64, slack: Int64) -> Int64?

    /// Has `waker` called, on any thread, whenever the time moves otherwise than by itself.
    func addWaker(_ waker: @escaping @Sendable () -> Void)
}
