import Locks
import Testing

/// What any `ConversationLock` promises to those who hold one, and to those who look.
@Suite(.timeLimit(.minutes(1))) struct `Holding a lock` {
    @Test(arguments: LockFactory.all)
    func `it ends by itself, and is then another one's`(_ factory: LockFactory) async throws {
        try await factory.withLocks { bench in
            let old = try await bench.acquire("c1", "alice", ttl: bench.shortTime)
            try await bench.pass(bench.shortTime)
            #expect(try await bench.lock.info("c1") == nil)
            let new = try await bench.other.acquire("c1", owner: "bob").lock

            #expect(try await bench.lock.renew(old) == false)
            #expect(try await bench.lock.release(old) == false)
            #expect(try await bench.lock.info("c1")?.token == new?.token)
            #expect(try await bench.lock.info("c1")?.owner == "bob")
        }
    }

    @Test(arguments: LockFactory.all)
    func `what has ended can be neither renewed nor released, though nobody has it`(
        _ factory: LockFactory
    ) async throws {
        try await factory.withLocks { bench in
            let lock = try await bench.acquire("c1", ttl: bench.shortTime)
            try await bench.pass(bench.shortTime)
            #expect(try await bench.lock.renew(lock) == false)
            #expect(try await bench.lock.release(lock) == false)
            #expect(try await bench.lock.info("c1") == nil)
        }
    }

    @Test(arguments: LockFactory.all)
    func `the same owner's older lock is worth nothing`(_ factory: LockFactory) async throws {
        try await factory.withLocks { bench in
            let old = try await bench.acquire("c1", "alice")
            #expect(try await bench.lock.release(old))
            let new = try await bench.acquire("c1", "alice")
            #expect(try await bench.lock.renew(old) == false)
            #expect(try await bench.lock.release(old) == false)
            #expect(try await bench.lock.renew(new))
        }
    }

    @Test(arguments: LockFactory.all)
    func `neither the token nor the owner alone will do`(_ factory: LockFactory) async throws {
        try await factory.withLocks { bench in
            let lock = try await bench.acquire("c1", "alice")
            for wrong in [
                HeldLock(key: "c1", owner: "bob", token: lock.token),
                HeldLock(key: "c1", owner: "alice", token: lock.token - 1),
                HeldLock(key: "c2", owner: "alice", token: lock.token),
            ] {
                #expect(try await bench.lock.renew(wrong) == false)
                #expect(try await bench.lock.release(wrong) == false)
            }
            #expect(try await bench.lock.info("c1")?.token == lock.token)
        }
    }

    @Test(arguments: LockFactory.all)
    func `who renews it keeps it`(_ factory: LockFactory) async throws {
        try await factory.withLocks { bench in
            let lock = try await bench.acquire("c1", ttl: bench.shortTime)
            #expect(try await bench.lock.renew(lock, ttl: .seconds(900)))
            try await bench.pass(bench.shortTime)
            #expect(try await bench.other.acquire("c1", owner: "bob").lock == nil)
            let time = try #require(try await bench.lock.info("c1")).timeLeft
            #expect(time > .seconds(590) && time < .seconds(900))
            #expect(try await bench.lock.release(lock))
        }
    }

    @Test(arguments: LockFactory.all)
    func `who releases it no longer has it`(_ factory: LockFactory) async throws {
        try await factory.withLocks { bench in
            let lock = try await bench.acquire("c1")
            #expect(try await bench.other.release(lock))
            #expect(try await bench.lock.info("c1") == nil)
            #expect(try await bench.lock.renew(lock) == false)
            #expect(try await bench.lock.release(lock) == false)
        }
    }

    @Test(arguments: LockFactory.all)
    func `anybody sees who has it, and for how long`(_ factory: LockFactory) async throws {
        try await factory.withLocks { bench in
            #expect(try await bench.other.info("c1") == nil)
            let lock = try await bench.acquire("c1", "alice", ttl: .seconds(60))
            let info = try #require(try await bench.other.info("c1"))
            #expect(info.owner == "alice")
            #expect(info.token == lock.token)
            #expect(info.timeLeft > .seconds(50) && info.timeLeft <= .seconds(60))
            #expect(try await bench.other.info("c2") == nil)
        }
    }

    @Test(arguments: LockFactory.all)
    func `an operator takes it away, and hears from whom`(_ factory: LockFactory) async throws {
        try await factory.withLocks { bench in
            #expect(try await bench.other.forceRelease("c1") == nil)
            let lock = try await bench.acquire("c1", "alice")
            let was = try #require(try await bench.other.forceRelease("c1"))
            #expect(was.owner == "alice")
            #expect(was.token == lock.token)
            #expect(was.timeLeft > .seconds(290))
            #expect(try await bench.lock.info("c1") == nil)
            #expect(try await bench.lock.renew(lock) == false)
            #expect(try await bench.lock.release(lock) == false)
        }
    }
}
