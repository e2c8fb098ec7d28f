import Locks
import Redis
import RedisTestSupport
import Testing

/// What a lock is worth when Redis goes, or forgets.
@Suite(.timeLimit(.minutes(1))) struct RedisLockTests {
    private func expectUnavailable(
        sourceLocation: SourceLocation = #_sourceLocation,
        _ body: () async throws -> some Any
    ) async {
        await #expect(throws: LockError.self, sourceLocation: sourceLocation) { _ = try await body() }
    }

    @Test func `without Redis there is no lock, and no word of one`() async throws {
        try await RedisBench.run { redis in
            let lock = redis.bench.lock
            let held = try await redis.bench.acquire("c1")
            redis.server.kill()
            for _ in 0..<2 {
                await expectUnavailable { try await lock.acquire("c2", owner: "bob") }
                await expectUnavailable { try await lock.acquire("c2", owner: "bob", waitingFor: .seconds(50)) }
                await expectUnavailable { try await lock.renew(held) }
                await expectUnavailable { try await lock.release(held) }
                await expectUnavailable { try await lock.info("c1") }
                await expectUnavailable { try await lock.forceRelease("c1") }
            }
        }
    }

    @Test func `a Redis that has lost all has lost the locks, and its tokens grow all the same`() async throws {
        try await RedisBench.run { redis in
            let old = try await redis.bench.acquire("c1", "alice")
            redis.server.kill()
            try await redis.restart()
            #expect(try await redis.bench.lock.renew(old) == false)
            #expect(try await redis.bench.lock.release(old) == false)
            #expect(try await redis.bench.acquire("c1", "bob").token > old.token)
        }
    }

    @Test func `after a FLUSHALL a holder learns that it holds nothing`() async throws {
        try await RedisBench.run { redis in
            let old = try await redis.bench.acquire("c1", "alice")
            _ = try await redis.ask(["FLUSHALL"])
            #expect(try await redis.bench.lock.info("c1") == nil)
            let new = try await redis.bench.acquire("c1", "bob")
            #expect(new.token > old.token)
            #expect(try await redis.bench.lock.renew(old) == false)
            #expect(try await redis.bench.lock.release(old) == false)
            #expect(try await redis.bench.lock.info("c1")?.owner == "bob")
        }
    }

    @Test func `who waits when Redis goes hears of it`() async throws {
        try await RedisBench.run(pollInterval: .milliseconds(100)) { redis in
            _ = try await redis.bench.acquire("c1")
            let waiter = try await redis.bench.queue("c1", "bob")
            redis.server.kill()
            await #expect(throws: LockError.self) { try await waiter.value }
        }
    }

    @Test func `who waits when Redis forgets gets what is free`() async throws {
        try await RedisBench.run(pollInterval: .milliseconds(100)) { redis in
            _ = try await redis.bench.acquire("c1")
            let waiter = try await redis.bench.queue("c1", "bob")
            _ = try await redis.ask(["FLUSHALL"])
            #expect(try await waiter.value.lock?.owner == "bob")
        }
    }

    @Test func `who comes to wait for what is free does not go before one who waits`() async throws {
        try await RedisBench.run(pollInterval: .milliseconds(100)) { redis in
            // One who waits, and has not yet seen that the lock is free.
            _ = try await redis.ask(["ZADD", "lock-line:c1", "1", "slow"])
            _ = try await redis.ask(["SET", "lock-waiter:slow", "1", "PX", "300"])
            let began = redis.bench.loops[0].time.monotonicNanoseconds
            let attempt = try await redis.bench.lock.acquire("c1", owner: "bob", waitingFor: .seconds(50))
            #expect(attempt.lock != nil)
            #expect(redis.bench.loops[0].time.monotonicNanoseconds - began > 200_000_000)
        }
    }

    @Test func `one who has died in line is not waited for`() async throws {
        try await RedisBench.run(pollInterval: .seconds(3600)) { redis in
            let lock = try await redis.bench.acquire("c1")
            _ = try await redis.ask(["ZADD", "lock-line:c1", "1", "dead"])
            let waiter = try await redis.bench.queue("c1", "bob")
            try await redis.bench.lock.release(lock)
            #expect(try await waiter.value.lock?.owner == "bob")
        }
    }

    @Test func `a lock whose acquisition nobody has heard of is given up`() async throws {
        try await RedisBench.run { redis in
            let (lock, client) = (redis.bench.lock, redis.clients[0])
            let first = try await redis.bench.acquire("c1", "alice")
            #expect(try await lock.release(first))
            redis.server.pause()
            await expectUnavailable { try await lock.acquire("c1", owner: "bob") }
            redis.server.resume()
            // It was acquired all the same: what had been sent was there to be read.
            try await wait {
                let last = try? await client.ask(["GET", "lock-fence"]).integer
                return (last ?? 0) > first.token
            }
            try await wait { try await lock.info("c1") == nil }
        }
    }

    @Test func `all that it leaves in Redis has an end, but for the last token`() async throws {
        try await RedisBench.run { redis in
            let lock = try await redis.bench.acquire("c1")
            let waiter = try await redis.bench.queue("c1", "bob")
            let keys = try await redis.ask(["KEYS", "*"]).array ?? []
            #expect(keys.count == 4)
            for key in keys.compactMap(\.text) where key != "lock-fence" {
                let time = try await redis.ask(["PTTL", .text(key)]).integer ?? 0
                #expect(time > 0 && time <= 300_000, "\(key)")
            }
            try await redis.bench.lock.release(lock)
            #expect(try await waiter.value.lock != nil)
            #expect(try await redis.ask(["KEYS", "lock-[lw]*"]).array?.isEmpty == true)
        }
    }
}
