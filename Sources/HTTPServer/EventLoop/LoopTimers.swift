import Metrics
import Primitives

/// The timers of one loop, and what they do. Confined to it.
final class LoopTimers {
    enum Action {
        case resume(UnsafeContinuation<Void, any Error>)
        case run(@Sendable () -> Void)
        case work(any LoopWork)
    }

    typealias ID = TimerHeap<Action>.ID

    private var heap = TimerHeap<Action>()
    /// What the timers whose time has come do.
    private var due: [Action?] = []
    /// By how much the first timer of each turn was late: how long one may have to wait for the loop.
    let lag = Histogram(.lag, isShared: false)
    /// How many timers have fired in this turn.
    private var firedCount = 0

    /// So many are taken together, while the processor fetches what they are going to use: as many as its first cache has room for.
    static let portion = 16
    /// Of an object that is work, in cache lines.
    private static let linesOfWork = 7

    /// How long an idle loop sleeps beyond the next deadline, in nanoseconds: one wake then serves all timers that have come
    /// due meanwhile, and with many streams that are paced by timers, most of the cost of an event is that of waking for it.
    /// A loop that serves more than some 65,000 timers a second sleeps for longer: it has the more to do when it wakes.
    private static let smallestSlack: Int64 = 85_000
    private static let slackOfTimer: Int64 = 15_000
    private static let largestSlack: Int64 = 1_000_000

    func reserve() -> ID { heap.reserve() }

    func arm(_ id: ID, deadline: Int64, action: Action) {
        heap.arm(id, deadline: deadline, action: action)
    }

    func arm(_ work: any LoopWork, deadline: Int64) -> ID {
        let id = heap.reserve()
        heap.arm(id, deadline: deadline, action: .work(work), hint: CacheHint(work, lines: Self.linesOfWork))
        return id
    }

    /// - Returns: what will not happen; nil when the timer has fired.
    func cancel(_ id: ID) -> Action? { heap.cancel(id) }

    /// How long an idle loop may sleep by that clock, in nanoseconds; -1: for ever.
    func sleepLimit(by time: any TimeSource) -> Int64 {
        guard let deadline = heap.nextDeadline else { return -1 }
        let slack = min(max(Self.smallestSlack, Int64(firedCount) * Self.slackOfTimer), Self.largestSlack)
        return time.sleepLimit(until: deadline, slack: slack) ?? -1
    }

    /// Does what is due at `now`.
    func fire(at now: Int64, on loop: EventLoop) {
        firedCount = 0
        if let deadline = heap.nextDeadline, deadline <= now { lag.observe(nanoseconds: now - deadline) }
        repeat {
            due.removeAll(keepingCapacity: true)
            heap.popDue(at: now, atMost: Self.portion, to: &due)
            for case .work(let work) in due { work.prefetch() }
            for action in due {
                switch action {
                case .resume(let continuation): continuation.resume()
                case .run(let block): block()
                case .work(let work): work.run(on: loop)
                case nil: break
                }
            }
            firedCount += due.count
        } while !due.isEmpty
    }
}
