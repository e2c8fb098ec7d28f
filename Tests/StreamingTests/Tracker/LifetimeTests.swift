import HTTPServer
import Primitives
import Testing

@testable import HTTPServer
@testable import Streaming

/// Nothing is held that nobody needs.
@Suite(.serialized)
struct LifetimeTests {
    private struct Weak {
        weak var stream: LiveStream?
        weak var log: StreamLog?
    }

    private func watching(_ tracker: ActiveStreamTracker) -> @Sendable (HTTPRequest) -> HTTPResponse {
        { request in
            let path = request.head.path
            if path != "/follow", let stream = tracker.stream(id: String(path.dropFirst())) {
                return HTTPResponse(body: .stream(Subscription(stream.log, sendsDone: true)))
            }
            return HTTPResponse(body: .stream(Subscription(following: .sample, tracker: tracker)))
        }
    }

    /// Plays a stream to several clients, of which one leaves early, and lets go of it.
    private func play(_ tracker: ActiveStreamTracker, _ server: TestServer, id: String) async throws -> Weak {
        let stream = sampleStream(id)
        _ = try tracker.start(stream, joinsSameQuery: false)
        var writer = SampleWriter(stream.log, id: id)
        writer.start()
        tracker.announce(stream)
        let task = Task { [weak stream] in await stream?.waitUntilEnded() ?? () }
        stream.whenCancelled { task.cancel() }
        let clients = try (0..<4).map { try server.get("/\(id)", version: $0 == 3 ? "1.0" : "1.1") }
        var leaver: TestClient? = try server.get("/\(id)")
        try leaver?.read(untilBodyHas: "started")
        leaver = nil
        for _ in 0..<10 { writer.append("text") }
        await stream.cancel(.stopped)
        tracker.end(stream, terminalEvent: writer.terminal())
        for client in clients { try client.read(untilBodyHas: "[DONE]") }
        await task.value
        return Weak(stream: stream, log: stream.log)
    }

    @Test(arguments: [1, 3])
    func `a stream goes when it is neither held nor watched`(loops: Int) async throws {
        let time = ManualTimeSource()
        let tracker = ActiveStreamTracker.sample(
            retention: StreamRetention(time: 1_000_000_000, memory: 1 << 30),
            time: time
        )
        try await TestServer.run(loops: loops, respond: watching(tracker)) { server in
            let follower = try server.get("/follow")
            try follower.read(untilBodyHas: "retry")
            let first = try await play(tracker, server, id: "stream_1")
            let second = try await play(tracker, server, id: "stream_2")
            #expect(first.stream != nil)
            // The follower is now with the second.
            try follower.read(untilBodyHas: "stream_2\"}\n\n")
            await server.settle()
            time.advance(by: .seconds(1))
            tracker.limitMemory()
            await server.settle()
            #expect(first.stream == nil)
            #expect(first.log == nil)
            #expect(second.stream == nil)
            tracker.drain()
            _ = tracker.endFollowers(atMost: .max)
            try follower.read { client in client.received.suffix(5).elementsEqual("0\r\n\r\n".utf8) }
            await server.settle()
            #expect(second.log == nil)
        }
    }

    /// Safe: touched on the loop alone until that has stopped.
    private final class Witness: @unchecked Sendable {
        weak var plain: AnyObject?
        weak var following: AnyObject?
        weak var follower: SessionFollower?

        func watchAndLeave(_ stream: LiveStream, _ tracker: ActiveStreamTracker, _ loop: EventLoop) {
            let outlet = BodyOutlet(loop: loop, isChunked: true, connection: nil)
            let plain = Subscription(stream.log, sendsDone: false).start(outlet)
            let following = Subscription(following: .sample, tracker: tracker).start(outlet)
            let follower = SessionFollower(loop: loop, session: .sample)
            tracker.follow(follower)
            #expect(!stream.log.watchers(on: loop).isEmpty)
            (self.plain, self.following, self.follower) = (plain, following, follower)
            plain.didClose()
            following.didClose()
            tracker.unfollow(follower)
            #expect(stream.log.watchers(on: loop).isEmpty)
        }
    }

    @Test func `clients that leave are forgotten by the log and by the tracker`() async throws {
        let tracker = ActiveStreamTracker.sample()
        let stream = sampleStream()
        _ = try tracker.start(stream, joinsSameQuery: false)
        tracker.announce(stream)
        let group = try EventLoopGroup(count: 1, time: SystemTimeSource())
        let (loop, witness) = (group.loops[0], Witness())
        await Task(executorPreference: loop) { witness.watchAndLeave(stream, tracker, loop) }.value
        for _ in 0..<3 { await loop.barrier() }
        group.stop()
        #expect(witness.plain == nil)
        #expect(witness.following == nil)
        #expect(witness.follower == nil)
    }
}
