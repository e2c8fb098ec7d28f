import Primitives
import Redis
import RedisTestSupport
import Testing

@testable import RoomService

@Suite(.timeLimit(.minutes(1))) struct ClusterScriptsTests {
    /// How often each answer was given to those who asked at once, each by one of two clients.
    private static func tally(
        of count: Int,
        _ ask: @escaping @Sendable (Int) async throws -> String
    ) async throws -> [String: Int] {
        try await withThrowingTaskGroup(of: String.self) { group in
            for number in 0..<count { group.addTask { try await ask(number) } }
            return try await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        }
    }

    @Test func `a session has one answer, and others are told which`() async throws {
        try await RedisPeers.run { redis in
            let (a, b) = (try await redis.member("a"), try await redis.member("b", 1))
            #expect(try await a.claim("s1", session: "x") == ["claimed"])
            #expect(try await b.claim("s2", session: "x", user: "bob") == ["busy", "s1", "a", "q:s1"])
            #expect(try await b.claim("s2", session: "y") == ["claimed"])
            // Once more, as after a lost reply.
            #expect(try await a.claim("s1", session: "x") == ["claimed"])
            #expect(try await a.claimed() == ["s1"])
            #expect(try await redis.ask(["HLEN", "user:ann"]).integer == 2)
            #expect(try await redis.ask(["HLEN", "user:bob"]).integer == 0)
        }
    }

    @Test func `a user has so many answers, wherever they are made`() async throws {
        try await RedisPeers.run { redis in
            let (a, b) = (try await redis.member("a"), try await redis.member("b", 1))
            #expect(try await a.claim("s1", session: "x", limit: 2) == ["claimed"])
            #expect(try await b.claim("s2", session: "y", limit: 2) == ["claimed"])
            #expect(try await a.claim("s3", session: "z", limit: 2) == ["limit"])
            #expect(try await !redis.exists("session:z"))
            #expect(try await b.claim("s4", session: "z", user: "bob", limit: 2) == ["claimed"])
            try await b.release("s2", session: "y")
            #expect(try await a.claim("s3", session: "y", limit: 2) == ["claimed"])
            #expect(try await a.claimed() == ["s1", "s3"])
        }
    }

    @Test func `of a hundred claims on a session at once, by two clients, one succeeds`() async throws {
        try await RedisPeers.run { redis in
            let members = [try await redis.member("a"), try await redis.member("b", 1)]
            let answers = try await Self.tally(of: 100) { number in
                let answer = try await members[number % 2].claim("s\(number)", session: "x", limit: 100)
                return answer == ["claimed"] ? "claimed" : answer.joined(separator: " ")
            }
            let stream = try #require(try await redis.ask(["HGET", "session:x", "stream"]).text)
            let owner = try #require(try await redis.ask(["HGET", "session:x", "instance"]).text)
            #expect(answers == ["claimed": 1, "busy \(stream) \(owner) q:\(stream)": 99])
            #expect(try await redis.ask(["HKEYS", "user:ann"]).array?.map(\.text) == [stream])
            #expect(try await members[0].claimed() + members[1].claimed() == [stream])
        }
    }

    @Test func `of a hundred claims of a user at once, by two clients, as many succeed as may`() async throws {
        try await RedisPeers.run { redis in
            let members = [try await redis.member("a"), try await redis.member("b", 1)]
            let answers = try await Self.tally(of: 100) { number in
                try await members[number % 2].claim("s\(number)", session: "x\(number)", limit: 7).joined()
            }
            #expect(answers == ["claimed": 7, "limit": 93])
            #expect(try await redis.ask(["HLEN", "user:ann"]).integer == 7)
            #expect(try await redis.keys("session:*").count == 7)
            #expect(try await members[0].claimed().count + members[1].claimed().count == 7)
        }
    }

    @Test func `a place is given free once, and not another one's`() async throws {
        try await RedisPeers.run { redis in
            let (a, b) = (try await redis.member("a"), try await redis.member("b", 1))
            #expect(try await a.claim("s1", session: "x") == ["claimed"])
            try await a.release("s1", session: "x")
            #expect(try await redis.keys("[msu]*:*") == [])
            #expect(try await b.claim("s2", session: "x") == ["claimed"])
            try await a.release("s1", session: "x")
            #expect(try await redis.ask(["HGET", "session:x", "stream"]).text == "s2")
            #expect(try await redis.ask(["HKEYS", "user:ann"]).array?.map(\.text) == ["s2"])
            #expect(try await b.claimed() == ["s2"])
            #expect(try await a.claim("s3", session: "x").first == "busy")
        }
    }

    @Test func `places of a member whose lease is over are nobody's`() async throws {
        try await RedisPeers.run { redis in
            let (dead, other) = (try await redis.member("dead"), try await redis.member("other", 1))
            #expect(try await dead.claim("s1", session: "x", limit: 1) == ["claimed"])
            #expect(try await other.claim("s2", session: "x", limit: 1).first == "busy")
            #expect(try await other.claim("s2", session: "y", limit: 1) == ["limit"])
            try await redis.endLease(of: dead)
            #expect(try await other.claim("s2", session: "x", limit: 1) == ["claimed"])
            #expect(try await redis.ask(["HKEYS", "user:ann"]).array?.map(\.text) == ["s2"])
            // What ends the dead one's streams gives free what was its own, and nothing else.
            let taken = try #require(try await other.takeOver())
            #expect(taken.streams.map(\.id) == ["s1"])
            try await dead.release("s1", session: "x")
            #expect(try await redis.ask(["HGET", "session:x", "stream"]).text == "s2")
        }
    }

    @Test func `who has no lease changes nothing`() async throws {
        try await RedisPeers.run { redis in
            let (a, stranger) = (try await redis.member("a"), redis.newcomer("stranger", 1))
            #expect(try await a.claim("s1", session: "x") == ["claimed"])
            let event = StreamEntry.events(.init(first: 0, next: 1, bytes: []))
            #expect(try await a.append(event, to: ["s1"], begins: true, keptFor: 1000) == .array([.integer(1)]))
            let keys = try await redis.keys()
            for (member, token) in [(stranger, 1), (a, 77), (a, 0)] {
                #expect(try await member.claim("s2", session: "y", token: token) == ["stale"])
                #expect(try await member.append(event, to: ["s1", "s2"], begins: true, token: token).isNull)
                let seal = try await member.client.ask(
                    ClusterScripts.seal,
                    keys: [.text("instance:\(member.id)"), "stream:s1", "events:s1"],
                    arguments: [.integer(token), .bytes(StreamEntry.sealed(by: "a", request: 1).encoded)]
                )
                #expect(seal.isNull)
            }
            #expect(try await redis.keys() == keys)
            #expect(try await redis.entries(of: "s1") == [event])
        }
    }

    @Test func `an entry goes where there is a beginning, and to no other stream`() async throws {
        try await RedisPeers.run { redis in
            let a = try await redis.member("a")
            let (first, next) = (
                StreamEntry.events(.init(first: 0, next: 1, bytes: [1])),
                StreamEntry.events(.init(first: 1, next: 2, bytes: [2]))
            )
            #expect(
                try await a.append(first, to: ["s1", "s3"], begins: true, keptFor: 5000)
                    == .array([.integer(1), .integer(1)])
            )
            #expect(
                try await a.append(next, to: ["s1", "s2", "s3"]) == .array([.integer(1), .integer(0), .integer(1)])
            )
            #expect(try await redis.entries(of: "s1") == [first, next])
            #expect(try await redis.entries(of: "s2") == [])
            // Another beginning takes the place of all.
            #expect(try await a.append(first, to: ["s1"], begins: true, keptFor: 5000) == .array([.integer(1)]))
            #expect(try await redis.entries(of: "s1") == [first])
        }
    }

    @Test func `a hundred calls at once, by two clients, share one rate`() async throws {
        try await RedisPeers.run { redis in
            let members = [try await redis.member("a"), try await redis.member("b", 1)]
            let hour = 3_600_000_000
            let answers = try await Self.tally(of: 100) { number in
                let wait = try await members[number % 2].take("writes:ann", count: 10, period: hour)
                return wait == 0 ? "taken" : (1...hour / 10).contains(wait) ? "wait" : "\(wait)"
            }
            #expect(answers == ["taken": 10, "wait": 90])
            #expect(try await members[0].take("writes:bob", count: 10, period: hour) == 0)
            #expect((1...3_600_001).contains(try await redis.timeToLive("rate:writes:ann")))
        }
    }

    @Test func `whoever has to wait for its rate is served after that time`() async throws {
        try await RedisPeers.run { redis in
            let a = try await redis.member("a")
            #expect(try await a.take("writes:ann", count: 1, period: 200_000) == 0)
            let left = try await a.take("writes:ann", count: 1, period: 200_000)
            #expect((0...200_000).contains(left))
            try await wait { try await a.take("writes:ann", count: 1, period: 200_000) == 0 }
        }
    }

    @Test func `all that instances leave in Redis has an end, but for the last token and who is a member`() async throws
    {
        try await RedisPeers.run { redis in
            let (a, dead) = (try await redis.member("a"), try await redis.member("dead", 1))
            let event = StreamEntry.events(.init(first: 0, next: 1, bytes: []))
            for (member, stream) in [(a, "s1"), (dead, "s2")] {
                #expect(try await member.claim(stream, session: "of \(stream)") == ["claimed"])
                _ = try await member.append(event, to: [stream], begins: true, keptFor: 86_400_000)
                _ = try await member.append(event, to: [stream])
            }
            _ = try await a.take("writes:ann", count: 1, period: 60_000_000)
            try await redis.endLease(of: dead)
            #expect(try await a.takeOver() != nil)
            let keys = try await redis.keys()
            #expect(
                Set(keys.map { String($0.prefix { $0 != ":" }) }) == [
                    "dead", "fence", "instance", "instances", "members", "rate", "session", "stream", "user",
                ]
            )
            for key in keys where key != "fence" && key != "instances" {
                #expect((1...86_400_000).contains(try await redis.timeToLive(key)), "\(key)")
            }
        }
    }
}
