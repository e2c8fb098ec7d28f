import Primitives
import Redis
import RedisTestSupport
import Testing

@testable import RoomService

@Suite(.timeLimit(.minutes(1))) struct MembershipTests {
    private static let leaseTimes = 1...Membership.lease

    @Test func `a lease is taken, renewed, and given back`() async throws {
        try await RedisPeers.run(count: 1, time: ManualTimeSource()) { redis in
            let member = redis.newcomer("a")
            #expect(member.membership.token == nil && member.membership.isAlone)
            #expect(try await member.renew() == .joined)
            let token = try #require(member.membership.token)
            #expect(!member.membership.isAlone)
            #expect(try await redis.ask(["GET", "instance:a"]).integer == token)
            #expect(Self.leaseTimes.contains(try await redis.timeToLive("instance:a")))
            let end = try await redis.ask(["ZSCORE", "instances", .text(member.name)]).integer ?? 0

            try await redis.ask(["PEXPIRE", "instance:a", 2000])
            #expect(try await member.renew() == .member)
            #expect(member.membership.token == token)
            #expect(try await redis.timeToLive("instance:a") > 2000)
            #expect(try await redis.ask(["ZSCORE", "instances", .text(member.name)]).integer ?? 0 >= end)

            await member.leave()
            #expect(member.membership.token == nil)
            #expect(try await redis.keys() == ["fence"])
        }
    }

    @Test func `tokens grow, whoever joins and leaves`() async throws {
        try await RedisPeers.run { redis in
            var last = 0
            let members = [redis.newcomer("a"), redis.newcomer("b", 1)]
            for _ in 0..<5 {
                for member in members {
                    #expect(try await member.renew() == .joined)
                    let token = try #require(member.membership.token)
                    #expect(token > last)
                    last = token
                }
                for member in members { await member.leave() }
            }
        }
    }

    @Test func `who cannot renew in time is in doubt by its own clock, and no more when it goes on alone`() async throws
    {
        try await RedisPeers.run(count: 1, time: ManualTimeSource()) { redis in
            let member = redis.newcomer("a")
            #expect(await !member.isInDoubt)
            #expect(try await member.renew() == .joined)
            try await redis.advance(milliseconds: Membership.lease - 1)
            #expect(await !member.isInDoubt)
            try await redis.advance(milliseconds: 1)
            #expect(await member.isInDoubt)
            #expect(try await member.renew() == .member)
            #expect(await !member.isInDoubt)
            try await redis.advance(milliseconds: Membership.lease)
            #expect(await member.isInDoubt)
            member.membership.goOnAlone()
            #expect(await !member.isInDoubt)
            #expect(member.membership.isAlone)
        }
    }

    @Test func `who was paused beyond its lease learns that others have taken over, and can write nothing`()
        async throws
    {
        try await RedisPeers.run { redis in
            let (paused, other) = (try await redis.member("a"), try await redis.member("b", 1))
            let token = try #require(paused.membership.token)
            #expect(try await paused.claim("s1", session: "x") == ["claimed"])
            try await redis.endLease(of: paused)
            let dead = try #require(try await other.takeOver())
            #expect(dead.name == paused.name && dead.streams.map(\.id) == ["s1"])
            #expect(dead.streams.map(\.sessionID) == ["x"] && dead.streams.map(\.userID) == ["ann"])

            // It does not know yet.
            #expect(try await paused.claim("s2", session: "y") == ["stale"])
            #expect(
                try await paused.append(.events(.init(first: 0, next: 1, bytes: [])), to: ["s1"], begins: true).isNull
            )
            #expect(try await !redis.exists("stream:s1"))

            #expect(try await paused.renew() == .replaced)
            #expect(paused.membership.token == nil)
            try await other.bury(dead)
            #expect(try await paused.renew() == .joined)
            #expect(try #require(paused.membership.token) > token)
            #expect(try await paused.claimed() == [])
            #expect(try await paused.claim("s2", session: "y", token: token) == ["stale"])
            #expect(try await paused.claim("s2", session: "y") == ["claimed"])
        }
    }

    @Test func `a lease that ran out, and that nobody has noticed, goes on under a new token`() async throws {
        try await RedisPeers.run { redis in
            let (late, other) = (try await redis.member("a"), try await redis.member("b", 1))
            let before = late.name
            #expect(try await late.claim("s1", session: "x") == ["claimed"])
            try await redis.endLease(of: late)
            #expect(try await late.renew() == .joined)
            #expect(late.name != before)
            #expect(try await late.claimed() == ["s1"])
            #expect(try await other.takeOver() == nil)
            #expect(try await !redis.exists("members:\(before)"))
        }
    }

    @Test func `who finds its lease over, and cannot join before others have taken over, has been replaced`()
        async throws
    {
        try await RedisPeers.run { redis in
            let (late, other) = (try await redis.member("a"), try await redis.member("b", 1))
            #expect(try await late.claim("s1", session: "x") == ["claimed"])
            try await redis.endLease(of: late)
            // Looking is possible, and joining is not.
            try await redis.ask(["CONFIG", "SET", "maxmemory", 1])
            await #expect(throws: RedisError.self) { try await late.renew() }
            try await redis.ask(["CONFIG", "SET", "maxmemory", 0])
            let dead = try #require(try await other.takeOver())
            #expect(dead.streams.map(\.id) == ["s1"])
            #expect(try await late.renew() == .replaced)
            try await other.bury(dead)
            #expect(try await late.renew() == .joined)
            #expect(try await late.claimed() == [])
        }
    }

    @Test func `who loses its lease while it is taken over does not take its streams along`() async throws {
        try await RedisPeers.run { redis in
            let (late, other) = (try await redis.member("a"), try await redis.member("b", 1))
            #expect(try await late.claim("s1", session: "x") == ["claimed"])
            try await redis.endLease(of: late)
            let dead = try #require(try await other.takeOver())
            // What it sends when it found its lease gone before the other one came.
            let token = try #require(late.membership.token)
            let reply = try await late.client.ask(
                ClusterScripts.join,
                keys: ["instance:a", "instances", .text("dead:\(dead.name)")],
                arguments: ["a", .integer(Membership.lease), .integer(token)]
            )
            #expect(reply.integer == -1)
            #expect(try await redis.exists("members:\(dead.name)"))
            #expect(try await !redis.exists("instance:a"))
        }
    }

    @Test func `after a FLUSHALL all join again, and claim again what they run`() async throws {
        try await RedisPeers.run { redis in
            let members = [try await redis.member("a"), try await redis.member("b", 1)]
            for (member, stream) in zip(members, ["s1", "s2"]) {
                #expect(try await member.claim(stream, session: "of \(stream)") == ["claimed"])
            }
            try await redis.ask(["FLUSHALL"])
            for member in members { #expect(try await member.claim("s3", session: "y") == ["stale"]) }
            for member in members { #expect(try await member.renew() == .joined) }
            #expect(members.allSatisfy { $0.membership.token != nil } && members[0].name != members[1].name)
            for (member, stream) in zip(members, ["s1", "s2"]) {
                #expect(try await member.claimed() == [])
                #expect(try await member.claim(stream, session: "of \(stream)") == ["claimed"])
                #expect(try await member.claimed() == [stream])
                #expect(try await member.renew() == .member)
            }
        }
    }

    @Test func `one of a hundred who ask at once takes a dead member over`() async throws {
        try await RedisPeers.run { redis in
            let dead = try await redis.member("dead")
            let watchers = [try await redis.member("a"), try await redis.member("b", 1)]
            #expect(try await dead.claim("s1", session: "x") == ["claimed"])
            #expect(try await watchers[0].takeOver() == nil)
            try await redis.endLease(of: dead)
            let taken = try await withThrowingTaskGroup(of: Membership.Dead?.self) { group in
                for number in 0..<100 { group.addTask { try await watchers[number % 2].takeOver() } }
                return try await group.compactMap { $0 }.reduce(into: [Membership.Dead]()) { $0.append($1) }
            }
            #expect(taken.map(\.name) == [dead.name])
        }
    }

    @Test(arguments: ["nobody", "", "a:b", "7", "a:"])
    func `what is no member among the members is in nobody's way`(garbage: String) async throws {
        try await RedisPeers.run { redis in
            let (dead, other) = (try await redis.member("dead"), try await redis.member("b", 1))
            #expect(try await dead.claim("s1", session: "x") == ["claimed"])
            try await redis.endLease(of: dead)
            // Before all others.
            try await redis.ask(["ZADD", "instances", 0, .text(garbage)])
            #expect(try await other.takeOver() == nil)
            #expect(try await redis.ask(["ZSCORE", "instances", .text(garbage)]).isNull)
            #expect(try await other.takeOver()?.streams.map(\.id) == ["s1"])
            #expect(try await other.renew() == .member)
            #expect(try await redis.exists("dead:\(dead.name)"))
            #expect(try await redis.keys("dead:*").count == 1)
        }
    }

    @Test func `whose streams have not been ended in time is handed out again, until it is buried`() async throws {
        try await RedisPeers.run { redis in
            let (dead, slow, other) = (
                try await redis.member("dead"), try await redis.member("slow"), try await redis.member("other", 1)
            )
            #expect(try await dead.claim("s1", session: "x") == ["claimed"])
            try await redis.endLease(of: dead)
            #expect(try await slow.takeOver()?.name == dead.name)
            let limit = try await redis.ask(["ZSCORE", "instances", .text(dead.name)]).integer ?? 0
            let now = try await redis.ask(["TIME"]).array?.first?.integer ?? 0
            #expect((now * 1000 + 1000...(now + 2) * 1000 + Membership.takeOverTime).contains(limit))
            #expect(try await other.takeOver() == nil)
            try await redis.endLease(of: dead)
            let again = try #require(try await other.takeOver())
            #expect(again.name == dead.name && again.streams.map(\.id) == ["s1"])
            try await other.bury(again)
            #expect(try await redis.ask(["ZSCORE", "instances", .text(dead.name)]).isNull)
            #expect(try await !redis.exists("members:\(dead.name)"))
            // It stays known that it was taken for dead, for the case that it was not.
            #expect(try await dead.renew() == .replaced)
        }
    }
}
