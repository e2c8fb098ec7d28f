import Agents
import Glibc
import HTTPServer
import Primitives

/// Lets an agent wait on the timers of the loop that its answer is made on.
struct LoopPacer: AgentPacer {
    let loop: EventLoop

    var monotonicNanoseconds: Int64 { loop.time.monotonicNanoseconds }

    var realTimeNanoseconds: Int64 { nanoseconds(of: CLOCK_REALTIME) }

    func sleep(until deadline: Int64) async throws {
        try await loop.sleep(until: deadline)
    }
}
