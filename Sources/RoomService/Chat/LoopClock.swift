import Agents
import Glibc
import HTTPServer
import Primitives

/// The time on the loop that an answer is made on: that of its turn, which costs no look at a clock.
struct LoopClock: AgentClock {
    let loop: EventLoop

    var monotonicNanoseconds: Int64 { loop.now }

    func realTimeNanoseconds(at monotonic: Int64) -> Int64 {
        nanoseconds(of: CLOCK_REALTIME) - max(0, loop.time.monotonicNanoseconds - monotonic)
    }
}
