import HTTPServer
import Synchronization

/// Tells whether an event loop is stuck: whether something that ran on it has not come back.
///
/// Each loop notes the time once a second. A loop counts as stuck when it has noted none for `limit`, by the notes of the loop that is
/// asked: after the whole process was stopped for a while, all of them are equally late.
struct LoopWatch: Sendable {
    /// In nanoseconds. No work on a loop takes a tenth of a second, on a machine that is not overloaded.
    static let limit: Int64 = 30_000_000_000
    static let interval: Int64 = 1_000_000_000

    /// By the loops' numbers.
    private let beats: [LoopBeat]

    /// Begins to watch the loops, for as long as they run.
    init(_ group: EventLoopGroup) {
        let beats = group.loops.map { LoopBeat(at: $0.time.monotonicNanoseconds) }
        for (loop, beat) in zip(group.loops, beats) { loop.flush(beat) }
        self.beats = beats
    }

    /// A loop that is stuck, and for how many seconds; nil when none is. To be called on `loop`.
    func stuckLoop(seenFrom loop: EventLoop) -> (index: Int, seconds: Int)? {
        // That before the last: since then, all loops have had the time to note theirs.
        let now = beats[loop.index].former.load(ordering: .relaxed)
        for (index, beat) in beats.enumerated() where index != loop.index {
            let silence = now - beat.last.load(ordering: .relaxed)
            if silence > Self.limit { return (index, Int(silence / 1_000_000_000)) }
        }
        return nil
    }
}

/// When one loop has last turned, in nanoseconds of the monotonic clock.
private final class LoopBeat: LoopWork {
    let last: Atomic<Int64>
    let former: Atomic<Int64>

    init(at now: Int64) {
        last = Atomic(now)
        former = Atomic(now)
    }

    func run(on loop: EventLoop) {
        former.store(last.load(ordering: .relaxed), ordering: .relaxed)
        last.store(loop.now, ordering: .relaxed)
        _ = loop.schedule(self, at: loop.now + LoopWatch.interval)
    }
}
