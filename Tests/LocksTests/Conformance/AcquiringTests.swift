import Locks
import Synchronization
import Testing

/// What any `ConversationLock` promises to those who want one.
@Suite(.timeLimit(.minutes(1))) struct `Acquiring a lock` {
    /// Where but one may be.
    private final class Room: Sendable {
        let inside = Atomic(0)
        /// Of those who have been there, in order.
        let tokens = Mutex<[Int]>([])
    }

    @Test(arguments: LockFactory.all)
    func `one gets it, and another one hears who has it`(_ factory: LockFactory) async throws {
        try await factory.withLocks { bench in
            let lock = try await bench.acquire("c1", "alice")
            #expect(lock.key == "c1")
            #expect(lock.owner == "alice")
            guard case .held(let info) = try await bench.other.acquire("c1", owner: "bob") else {
                Issue.record("two have it")
                return
            }
            #expect(info.owner == "alice")
            #expect(info.token == lock.token)
            #expect(info.timeLeft > .seconds(290) && info.timeLeft <= .seconds(300))
            #expect(try await bench.other.acquire("c2", owner: "bob").lock != nil)
        }
    }

    @Test(arguments: LockFactory.all)
    func `an owner does not get what it has`(_ factory: LockFactory) async throws {
        try await factory.withLocks { bench in
            _ = try await bench.acquire("c1", "alice")
            #expect(try await bench.lock.acquire("c1", owner: "alice").lock == nil)
        }
    }

    @Test(arguments: LockFactory.all)
    func `of eight that race on two loops one has it at a time, and tokens grow`(_ factory: LockFactory) async throws {
        try await factory.withLocks { bench in
            let room = Room()
            try await withThrowingTaskGroup { group in
                for number in 0..<8 {
                    let lock = bench.locks[number % 2]
                    group.addTask(executorPreference: bench.loops[number % 2]) {
                        for _ in 0..<20 {
                            let attempt = try await lock.acquire("c1", owner: "\(number)", waitingFor: .seconds(50))
                            guard let held = attempt.lock else { throw LockBench.Failure() }
                            let count = room.inside.add(1, ordering: .sequentiallyConsistent).newValue
                            #expect(count == 1)
                            room.tokens.withLock { $0.append(held.token) }
                            await Task.yield()
                            room.inside.subtract(1, ordering: .sequentiallyConsistent)
                            #expect(try await lock.release(held))
                        }
                    }
                }
                try await group.waitForAll()
            }
            let all = room.tokens.withLock { $0 }
            #expect(all.count == 160)
            #expect(zip(all, all.dropFirst()).allSatisfy { $0 < $1 })
            #expect(try await bench.waiterCount("c1") == 0)
        }
    }

    @Test(arguments: LockFactory.all)
    func `of eight that do not wait one gets it`(_ factory: LockFactory) async throws {
        try await factory.withLocks { bench in
            for round in 0..<20 {
                let count = try await withThrowingTaskGroup(of: Bool.self) { group in
                    for number in 0..<8 {
                        let lock = bench.locks[number % 2]
                        group.addTask(executorPreference: bench.loops[number % 2]) {
                            try await lock.acquire("c\(round)", owner: "\(number)").lock != nil
                        }
                    }
                    return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
                }
                #expect(count == 1)
            }
        }
    }

    @Test(arguments: LockFactory.all)
    func `tokens grow after a release, an end and a forced release`(_ factory: LockFactory) async throws {
        try await factory.withLocks { bench in
            let first = try await bench.acquire("c1")
            try await bench.lock.release(first)
            let second = try await bench.acquire("c1", ttl: bench.shortTime)
            #expect(second.token > first.token)
            try await bench.pass(bench.shortTime)
            let third = try await bench.acquire("c1")
            #expect(third.token > second.token)
            _ = try await bench.lock.forceRelease("c1")
            #expect(try await bench.acquire("c1").token > third.token)
        }
    }
}
