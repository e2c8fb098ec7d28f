import Locks
import RedisTestSupport
import Testing

/// What any `ConversationLock` promises to those who wait for one.
@Suite(.timeLimit(.minutes(1))) struct `Waiting for a lock` {
    @Test(arguments: LockFactory.all)
    func `who waits for what is free has it at once`(_ factory: LockFactory) async throws {
        try await factory.withLocks { bench in
            let attempt = try await bench.other.acquire("c1", owner: "bob", waitingFor: .seconds(50))
            #expect(attempt.lock != nil)
            #expect(try await bench.waiterCount("c1") == 0)
        }
    }

    @Test(arguments: LockFactory.all)
    func `a release wakes who waits`(_ factory: LockFactory) async throws {
        try await factory.withLocks { bench in
            let lock = try await bench.acquire("c1")
            let waiter = try await bench.queue("c1", "bob")
            try await bench.lock.release(lock)
            let next = try #require(try await waiter.value.lock)
            #expect(next.token > lock.token)
            #expect(try await bench.lock.info("c1")?.owner == "bob")
        }
    }

    @Test(arguments: LockFactory.all)
    func `a forced release wakes who waits`(_ factory: LockFactory) async throws {
        try await factory.withLocks { bench in
            _ = try await bench.acquire("c1")
            let waiter = try await bench.queue("c1", "bob")
            #expect(try await bench.lock.forceRelease("c1")?.owner == "alice")
            #expect(try await waiter.value.lock != nil)
        }
    }

    @Test(arguments: LockFactory.all)
    func `the end of the holder's time wakes who waits`(_ factory: LockFactory) async throws {
        try await factory.withLocks { bench in
            let lock = try await bench.acquire("c1", ttl: .seconds(900))
            let waiter = try await bench.queue("c1", "bob", for: .seconds(3000))
            // Sooner than it was when he came.
            #expect(try await bench.lock.renew(lock, ttl: bench.shortTime))
            try await bench.pass(bench.shortTime)
            #expect(try await waiter.value.lock != nil)
        }
    }

    @Test(arguments: LockFactory.all)
    func `one after the other is woken by the end of a time`(_ factory: LockFactory) async throws {
        try await factory.withLocks { bench in
            let lock = try await bench.acquire("c1", ttl: .seconds(900))
            let waiters = bench.locks.map { lock in
                Task {
                    try await lock.acquire("c1", owner: "bob", ttl: bench.shortTime, waitingFor: .seconds(3000)).lock
                }
            }
            try await wait { try await bench.waiterCount("c1") == 2 }
            #expect(try await bench.lock.renew(lock, ttl: bench.shortTime))
            for count in [1, 0] {
                try await bench.pass(bench.shortTime)
                try await wait { try await bench.waiterCount("c1") <= count }
            }
            for waiter in waiters { #expect(try await waiter.value != nil) }
        }
    }

    @Test(arguments: LockFactory.all)
    func `those who wait are served in the order in which they came`(_ factory: LockFactory) async throws {
        try await factory.withLocks { bench in
            var held = try await bench.acquire("c1")
            var waiters: [Task<LockAttempt, any Error>] = []
            for name in ["bob", "carol", "dave"] { waiters.append(try await bench.queue("c1", name)) }
            for (waiter, name) in zip(waiters, ["bob", "carol", "dave"]) {
                #expect(try await bench.lock.release(held))
                held = try #require(try await waiter.value.lock)
                #expect(held.owner == name)
            }
            #expect(try await bench.waiterCount("c1") == 0)
        }
    }

    @Test(arguments: LockFactory.all)
    func `a wait has an end, and says who has it`(_ factory: LockFactory) async throws {
        try await factory.withLocks { bench in
            let lock = try await bench.acquire("c1", ttl: .seconds(900))
            let waiter = try await bench.queue("c1", "bob", for: bench.shortTime)
            try await bench.pass(bench.shortTime)
            guard case .held(let info) = try await waiter.value else {
                Issue.record("two have it")
                return
            }
            #expect(info.token == lock.token)
            #expect(try await bench.waiterCount("c1") == 0)
        }
    }

    @Test(arguments: LockFactory.all)
    func `a cancelled task waits no longer, and the next one is served`(_ factory: LockFactory) async throws {
        try await factory.withLocks { bench in
            let lock = try await bench.acquire("c1")
            let first = try await bench.queue("c1", "bob")
            let second = try await bench.queue("c1", "carol")
            first.cancel()
            #expect(try await first.value.lock == nil)
            try await bench.lock.release(lock)
            #expect(try await second.value.lock?.owner == "carol")
        }
    }
}
