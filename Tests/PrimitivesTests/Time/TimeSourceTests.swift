import Primitives
import Synchronization
import Testing

@Suite struct TimeSourceTests {
    @Test func `a manual clock moves only when told to`() {
        let time = ManualTimeSource(now: Timestamp(milliseconds: 5000))
        let start = time.monotonicNanoseconds
        #expect(time.now == Timestamp(milliseconds: 5000) && time.monotonicNanoseconds == start)
        time.advance(by: .milliseconds(1500))
        #expect(time.now == Timestamp(milliseconds: 6500))
        #expect(time.monotonicNanoseconds == start + 1_500_000_000)
    }

    @Test func `who waits for a manual clock sleeps until it is woken`() {
        let time = ManualTimeSource()
        let deadline = time.monotonicNanoseconds + 1_000_000_000
        let wakes = Mutex(0)
        time.addWaker { wakes.withLock { $0 += 1 } }
        time.addWaker { wakes.withLock { $0 += 10 } }
        #expect(time.sleepLimit(until: deadline, slack: 1_000_000) == nil)
        time.advance(by: .milliseconds(999))
        #expect(time.sleepLimit(until: deadline, slack: 1_000_000) == nil)
        time.advance(by: .milliseconds(1))
        #expect(time.sleepLimit(until: deadline, slack: 1_000_000) == 0)
        #expect(wakes.withLock { $0 } == 22)
    }

    @Test func `a waker sees the new time`() {
        let time = ManualTimeSource(now: Timestamp(milliseconds: 0))
        let seen = Mutex<Timestamp?>(nil)
        time.addWaker { [unowned time] in
            let now = time.now
            seen.withLock { $0 = now }
        }
        time.advance(by: .seconds(1))
        #expect(seen.withLock { $0 } == Timestamp(milliseconds: 1000))
    }

    @Test func `the system's clocks go on`() {
        let time = SystemTimeSource()
        let start = time.monotonicNanoseconds
        #expect(time.sleepLimit(until: start - 1, slack: 0) == 0)
        let limit = time.sleepLimit(until: time.monotonicNanoseconds + 60_000_000_000, slack: 0) ?? 0
        #expect(limit > 0 && limit <= 60_000_000_000)
        #expect(time.monotonicNanoseconds >= start)
        #expect(time.now > Timestamp(milliseconds: 1_700_000_000_000))
    }
}
