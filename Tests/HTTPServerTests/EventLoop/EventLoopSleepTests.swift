import Primitives
import Synchronization
import Testing

@testable import HTTPServer

@Suite(.timeLimit(.minutes(1))) struct EventLoopSleepTests {
    private static let second: Int64 = 1_000_000_000

    /// Starts a task that sleeps on the loop; returns it when it does.
    private static func sleeper(
        on loop: EventLoop,
        until deadline: Int64,
        then done: @escaping @Sendable (Bool) -> Void = { _ in }
    ) async -> Task<Bool, Never> {
        let isStarted = Gate()
        let task = Task(executorPreference: loop) {
            isStarted.open()
            let isAwake = (try? await loop.sleep(until: deadline)) != nil
            #expect(loop.isCurrent)
            done(isAwake)
            return isAwake
        }
        await isStarted.wait()
        // The task falls asleep in the turn in which it has opened the gate.
        await loop.barrier()
        return task
    }

    @Test func `sleepers wake in the order of their deadlines, not before them`() async throws {
        try await EventLoopTests.withLoops { group, time in
            let loop = group.loops[0]
            let start = time.monotonicNanoseconds
            let woken = Mutex<[Int64]>([])
            var tasks: [Task<Bool, Never>] = []
            for seconds in [5, 1, 4, 2, 3] as [Int64] {
                tasks.append(
                    await Self.sleeper(on: loop, until: start + seconds * Self.second) { _ in
                        woken.withLock { $0.append(seconds) }
                    }
                )
            }
            time.advance(by: .milliseconds(1999))
            await loop.barrier()
            await loop.barrier()
            #expect(woken.withLock { $0 } == [1])
            time.advance(by: .milliseconds(1))
            #expect(await tasks[3].value)
            #expect(woken.withLock { $0 } == [1, 2])
            time.advance(by: .seconds(10))
            for task in tasks { #expect(await task.value) }
            #expect(woken.withLock { $0 } == [1, 2, 3, 4, 5])
        }
    }

    @Test func `sleepers with equal deadlines all wake`() async throws {
        try await EventLoopTests.withLoops { group, time in
            let deadline = time.monotonicNanoseconds + Self.second
            var tasks: [Task<Bool, Never>] = []
            for _ in 0..<50 { tasks.append(await Self.sleeper(on: group.loops[0], until: deadline)) }
            time.advance(by: .seconds(1))
            for task in tasks { #expect(await task.value) }
        }
    }

    @Test func `a deadline in the past is no sleep`() async throws {
        try await EventLoopTests.withLoops { group, time in
            let task = await Self.sleeper(on: group.loops[0], until: time.monotonicNanoseconds - 1)
            #expect(await task.value)
        }
    }

    @Test func `a task that was cancelled before does not sleep`() async throws {
        try await EventLoopTests.withLoops { group, _ in
            let loop = group.loops[0]
            let isCancelled = Gate()
            let task = Task(executorPreference: loop) {
                await isCancelled.wait()
                do {
                    try await loop.sleep(until: .max)
                    return false
                } catch {
                    return error is CancellationError
                }
            }
            task.cancel()
            isCancelled.open()
            #expect(await task.value)
        }
    }

    @Test func `a sleeper that another thread cancels wakes at once`() async throws {
        try await EventLoopTests.withLoops { group, _ in
            let task = await Self.sleeper(on: group.loops[0], until: .max)
            task.cancel()
            #expect(await task.value == false)
        }
    }

    @Test func `a sleeper that is cancelled on the loop wakes at once`() async throws {
        try await EventLoopTests.withLoops { group, _ in
            let loop = group.loops[0]
            let task = await Self.sleeper(on: loop, until: .max)
            loop.execute { task.cancel() }
            #expect(await task.value == false)
        }
    }

    @Test func `cancelling after the sleep wakes nobody else`() async throws {
        try await EventLoopTests.withLoops { group, time in
            let loop = group.loops[0]
            let now = time.monotonicNanoseconds
            let first = await Self.sleeper(on: loop, until: now + Self.second)
            time.advance(by: .seconds(1))
            #expect(await first.value)
            // Takes the timer's place that the first has left.
            let second = await Self.sleeper(on: loop, until: now + 2 * Self.second)
            first.cancel()
            await loop.barrier()
            await loop.barrier()
            time.advance(by: .seconds(1))
            #expect(await second.value)
        }
    }

    @Test func `cancelling in the moment of waking has one outcome`() async throws {
        try await EventLoopTests.withLoops { group, time in
            let loop = group.loops[0]
            for _ in 0..<500 {
                let deadline = time.monotonicNanoseconds + 1
                let outcomes = Counter()
                let task = await Self.sleeper(on: loop, until: deadline) { _ in
                    outcomes.increment()
                }
                let canceller = Task { task.cancel() }
                time.advance(by: .nanoseconds(1))
                _ = await task.value
                await canceller.value
                #expect(outcomes.value == 1)
            }
        }
    }

    @Test func `a child of a cancelled task wakes too`() async throws {
        try await EventLoopTests.withLoops { group, _ in
            let loop = group.loops[0]
            let isStarted = Gate()
            let task = Task(executorPreference: loop) {
                await withTaskGroup(of: Bool.self) { tasks in
                    for _ in 0..<3 {
                        tasks.addTask(executorPreference: loop) { (try? await loop.sleep(until: .max)) != nil }
                    }
                    isStarted.open()
                    return await tasks.reduce(into: []) { $0.append($1) }
                }
            }
            await isStarted.wait()
            task.cancel()
            #expect(await task.value == [false, false, false])
        }
    }

    @Test func `with the system's clock a sleep lasts as long as it was asked to`() async throws {
        let time = SystemTimeSource()
        let group = try EventLoopGroup(count: 1, time: time)
        defer { group.stop() }
        let loop = group.loops[0]
        let start = time.monotonicNanoseconds
        let task = await Self.sleeper(on: loop, until: start + 3_000_000)
        #expect(await task.value)
        #expect(time.monotonicNanoseconds >= start + 3_000_000)
    }
}
