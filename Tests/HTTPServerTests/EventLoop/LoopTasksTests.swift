import Primitives
import Synchronization
import Testing

@testable import HTTPServer

/// Tasks that a loop's code begins and does not wait for.
@Suite(.timeLimit(.minutes(1))) struct LoopTasksTests {
    /// Something that a task alone holds.
    private final class Held: Sendable {
        private let released: Counter

        init(_ released: Counter) { self.released = released }

        deinit { released.increment() }
    }

    private static func run(_ tasks: LoopTasks, on loop: EventLoop, _ work: @escaping @Sendable () async -> Void) async
    {
        await Task(executorPreference: loop) { tasks.run(work) }.value
    }

    /// How many have not ended.
    private static func count(_ tasks: LoopTasks, on loop: EventLoop) async -> Int {
        await Task(executorPreference: loop) { tasks.count }.value
    }

    private static func count(_ tasks: LoopTasks, on loop: EventLoop, comesTo expected: Int) async -> Bool {
        for _ in 0..<1000 {
            if await count(tasks, on: loop) == expected { return true }
            await loop.barrier()
        }
        return false
    }

    @Test func `tasks run on the loop, and none that has ended is held`() async throws {
        try await EventLoopTests.withLoops { group, time in
            let loop = group.loops[0]
            let (tasks, done, released) = (LoopTasks(on: loop), Counter(), Counter())
            for number in 0..<100 {
                let held = Held(released)
                await Self.run(tasks, on: loop) {
                    #expect(loop.isCurrent)
                    if number % 2 == 0 { try? await loop.sleep(until: loop.now + 1_000_000) }
                    withExtendedLifetime(held) {}
                    done.increment()
                }
            }
            #expect(await Self.count(tasks, on: loop, comesTo: 50))
            time.advance(by: .milliseconds(1))
            #expect(await Self.count(tasks, on: loop, comesTo: 0))
            #expect(done.value == 100)
            // A task lets go of what it holds in the turn in which it ends.
            await loop.barrier()
            #expect(released.value == 100)
            await tasks.close()
        }
    }

    @Test func `closing waits for a task that does not mind being cancelled`() async throws {
        try await EventLoopTests.withLoops { group, _ in
            let loop = group.loops[0]
            let (tasks, isStarted) = (LoopTasks(on: loop), Gate())
            let (ended, closed) = (Counter(), Counter())
            let waiting = Mutex<CheckedContinuation<Void, Never>?>(nil)
            await Self.run(tasks, on: loop) {
                await withCheckedContinuation { continuation in
                    waiting.withLock { $0 = continuation }
                    isStarted.open()
                }
                ended.increment()
            }
            await isStarted.wait()
            // Whoever closes it twice waits twice.
            let closings = (0..<2).map { _ in
                Task {
                    await tasks.close()
                    #expect(ended.value == 1)
                    closed.increment()
                }
            }
            for _ in 0..<100 { await loop.barrier() }
            #expect(closed.value == 0)
            waiting.withLock { $0 }?.resume()
            for closing in closings { await closing.value }
            #expect(await Self.count(tasks, on: loop) == 0)
        }
    }

    @Test func `closing cancels, so that who sleeps ends at once`() async throws {
        try await EventLoopTests.withLoops { group, _ in
            let loop = group.loops[0]
            let (tasks, cancelled) = (LoopTasks(on: loop), Counter())
            for _ in 0..<100 {
                await Self.run(tasks, on: loop) {
                    // The clock stands still.
                    if (try? await loop.sleep(until: .max)) == nil { cancelled.increment() }
                }
            }
            await tasks.close()
            #expect(cancelled.value == 100)
            #expect(await Self.count(tasks, on: loop) == 0)
        }
    }

    @Test func `nothing begins any more once it is closed, not even by a task that is ending`() async throws {
        try await EventLoopTests.withLoops { group, _ in
            let loop = group.loops[0]
            let (tasks, began) = (LoopTasks(on: loop), Counter())
            await Self.run(tasks, on: loop) {
                try? await loop.sleep(until: .max)
                tasks.run { began.increment() }
            }
            await tasks.close()
            await Self.run(tasks, on: loop) { began.increment() }
            for _ in 0..<10 { await loop.barrier() }
            #expect(began.value == 0)
        }
    }
}
