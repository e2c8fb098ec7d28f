import Primitives
import Redis
import RedisTestSupport
import Streaming
import Testing

@testable import RoomService

/// What Redis refuses, while it is there, is told as that.
@Suite(.timeLimit(.minutes(1))) struct RefusalLogTests {
    private static let (refusal, away) = ("Redis refuses a command", "Redis is away")

    private static func pass(seconds: Int, _ bench: ClusterBench) async throws {
        for _ in 0..<(4 * seconds) { try await bench.advance(milliseconds: 250) }
    }

    @Test func `a script that fails for what others have left behind is told, and this instance stays a member`()
        async throws
    {
        try await ClusterBench.run(["a", "b"]) { bench in
            let watcher = bench.instances[1]
            let (dead, token) = (bench.instances[0].name, watcher.membership.token)
            // Of no use to the script that hands out a dead member's streams.
            try await bench.redis.ask(["SET", .text("members:\(dead)"), "x"])
            try await bench.redis.endLease(ofMember: dead)
            watcher.watch()
            try await bench.eventually { !watcher.lines(Self.refusal).isEmpty }
            let line = try #require(watcher.lines(Self.refusal).first)
            #expect(line.contains(" error ") && line.contains("WRONGTYPE"))
            try await Self.pass(seconds: 10, bench)
            #expect(watcher.lines(Self.away).isEmpty && watcher.lines("goes on alone").isEmpty)
            #expect(!watcher.membership.isAlone && watcher.membership.token == token)
            #expect(watcher.lines(Self.refusal).count == 1)
        }
    }

    @Test func `an instance that goes on alone as Redis refuses its lease says that it refuses it`() async throws {
        try await ClusterBench.run(["a"]) { bench in
            let instance = bench.instances[0]
            instance.watch()
            try await Self.pass(seconds: 2, bench)
            #expect(!instance.membership.isAlone)
            try await bench.redis.ask(["DEL", "instance:a"])
            try await bench.redis.ask(["RPUSH", "instance:a", "x"])
            try await bench.eventually { !instance.lines("goes on alone").isEmpty }
            try await Self.pass(seconds: 3, bench)
            let lines = instance.lines("goes on alone")
            #expect(lines.count == 1)
            #expect(lines.allSatisfy { $0.contains("Redis refuses commands:") && $0.contains("WRONGTYPE") })
            #expect(instance.lines(Self.away).isEmpty && instance.membership.isAlone)
            #expect(instance.lines(Self.refusal).count == 1)

            try await bench.redis.ask(["DEL", "instance:a"])
            try await bench.eventually { !instance.membership.isAlone }
            #expect(instance.lines("Redis is back").count == 1)
        }
    }

    @Test func `a Redis without room refuses, and is not away`() async throws {
        try await ClusterBench.run(["a"]) { bench in
            let instance = bench.instances[0]
            instance.watch()
            try await Self.pass(seconds: 2, bench)
            try await bench.redis.ask(["CONFIG", "SET", "maxmemory", 1])
            try await bench.eventually { !instance.lines("goes on alone").isEmpty }
            let lines = instance.lines("Redis refuses commands: this instance goes on alone")
            #expect(lines.first?.contains("out of memory") == true)
            // It does not refuse for any fault.
            #expect(instance.lines(Self.away).isEmpty && instance.lines(Self.refusal).isEmpty)
        }
    }

    @Test func `a Redis that is gone is away, and refuses nothing`() async throws {
        try await ClusterBench.run(["a"]) { bench in
            let instance = bench.instances[0]
            instance.watch()
            try await Self.pass(seconds: 2, bench)
            bench.redis.server.kill()
            for _ in 0..<1000 where instance.lines(Self.away).isEmpty {
                bench.time.advance(by: .milliseconds(100))
                await instance.loop.barrier()
            }
            #expect(instance.lines(Self.away).count == 1)
            #expect(instance.lines(Self.refusal).isEmpty && instance.lines("refuses commands").isEmpty)
        }
    }

    @Test func `what is refused again and again is told once a minute`() async throws {
        try await ClusterBench.run(["a"]) { bench in
            let instance = bench.instances[0]
            try await bench.makeSession("x")
            let stream = try await instance.ask("x")
            try await bench.waitUntilTold(stream)
            let key = "stream:\(stream.id)"
            try await bench.redis.ask(["SET", .text(key), "x"])
            instance.mouth.say("word ")
            // The feed tries again twice a second.
            try await Self.pass(seconds: 50, bench)
            #expect(instance.lines(Self.refusal).count == 1)
            #expect(instance.cluster.metrics.commands.load(ordering: .relaxed) > 50)
            try await Self.pass(seconds: 15, bench)
            #expect(instance.lines(Self.refusal).count == 2)
            try await bench.redis.ask(["DEL", .text(key)])
            try await bench.waitUntilTold(stream)
            #expect(try await bench.redis.copy(of: stream.id)?.log?.answer == "word ")
        }
    }
}
