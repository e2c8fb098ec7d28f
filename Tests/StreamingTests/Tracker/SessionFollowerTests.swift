import HTTPServer
import Primitives
import Testing

@testable import Streaming

/// Clients that watch whatever a session streams.
@Suite(.serialized)
struct SessionFollowerTests {
    private static let loopCounts = [1, 3]

    private static func following(_ tracker: ActiveStreamTracker) -> @Sendable (HTTPRequest) -> HTTPResponse {
        { _ in HTTPResponse(body: .stream(Subscription(following: .sample, tracker: tracker))) }
    }

    /// Starts a stream of the session, and announces it.
    private func begin(_ id: String, _ tracker: ActiveStreamTracker) throws -> (LiveStream, SampleWriter) {
        let stream = sampleStream(id)
        _ = try tracker.start(stream, joinsSameQuery: false)
        var writer = SampleWriter(stream.log, id: id)
        writer.start()
        tracker.announce(stream)
        return (stream, writer)
    }

    /// Starts and ends a stream of a few events.
    private func play(_ id: String, _ tracker: ActiveStreamTracker, text: String = "text") throws {
        var (stream, writer) = try begin(id, tracker)
        for _ in 0..<3 { writer.append(text) }
        tracker.end(stream, terminalEvent: writer.terminal())
    }

    private func ids(of streams: some Sequence<String>) -> [String] {
        streams.flatMap { stream in (0...4).map { "\(stream):\($0)" } }
    }

    @Test
    func `whoever comes to a copy that has been given up is cut off at once`() async throws {
        let log = StreamLog(streamID: "given-up", agentType: "assistant")
        var writer = SampleWriter(log, id: "given-up")
        writer.start()
        log.cut()
        let respond: @Sendable (HTTPRequest) -> HTTPResponse = { _ in
            HTTPResponse(body: .stream(Subscription(log, from: 0, sendsDone: false)))
        }
        try await TestServer.run(loops: 1, respond: respond) { server in
            let client = try server.get("/")
            do {
                try client.read { _ in false }
            } catch {
                #expect("\(error)".contains("recv"), "cut off, it may be told so by a reset")
            }
            let text = String(decoding: client.body, as: UTF8.self)
            #expect(!text.contains("given-up"), "no event of it, not even all of it as one")
        }
    }

    @Test
    func `a stream of another instance that is told of again is not shown again, and hides no newer one`() async throws
    {
        let tracker = ActiveStreamTracker.sample()
        func copy(_ id: String) -> (StreamLog, SampleWriter) {
            let log = StreamLog(streamID: id, agentType: "assistant")
            var writer = SampleWriter(log, id: id)
            writer.start()
            for _ in 0..<3 { writer.append("text") }
            return (log, writer)
        }
        try await TestServer.run(loops: 1, respond: Self.following(tracker)) { server in
            let session = FollowedSession.sample.sessionID
            let (first, firstWriter) = copy("first")
            tracker.announce(copy: first, sessionID: session)
            let client = try server.get("/")
            try client.read(untilBodyHas: "first:3")
            first.end(firstWriter.terminal())
            let (second, secondWriter) = copy("second")
            tracker.announce(copy: second, sessionID: session)
            tracker.announce(copy: first, sessionID: session)
            let late = try server.get("/")
            try late.read(untilBodyHas: "second:3")
            second.end(secondWriter.terminal())
            try client.read(untilBodyHas: "second:4")
            tracker.drain()
            _ = tracker.endFollowers(atMost: .max)
            #expect(try client.stream().events.map(\.id) == ids(of: ["first", "second"]))
            #expect(try late.stream().events.map(\.id) == ids(of: ["second"]))
        }
    }

    @Test(arguments: loopCounts)
    func `a follower gets the running stream from its start, and then each later one`(loops: Int) async throws {
        let tracker = ActiveStreamTracker.sample()
        try await TestServer.run(loops: loops, respond: Self.following(tracker)) { server in
            try play("before", tracker)
            var (running, writer) = try begin("running", tracker)
            writer.append("1")
            let clients = try (0..<6).map { try server.get("/", version: $0 < 5 ? "1.1" : "1.0") }
            for client in clients { try client.read(untilBodyHas: "running:1") }
            for _ in 0..<2 { writer.append("more") }
            tracker.end(running, terminalEvent: writer.terminal())
            try play("second", tracker)
            for client in clients { try client.read(untilBodyHas: "second:4") }
            try play("third", tracker)
            for client in clients { try client.read(untilBodyHas: "third:4") }
            tracker.drain()
            _ = tracker.endFollowers(atMost: .max)
            for client in clients.prefix(5) {
                #expect(try client.stream().events.map(\.id) == ids(of: ["running", "second", "third"]))
            }
            let unframed = try clients[5].unframedStream(through: "\"stream_id\":\"third\"}\n\n")
            #expect(unframed.events.map(\.id).prefix(10).elementsEqual(ids(of: ["running", "second"])))
        }
    }

    @Test(arguments: loopCounts)
    func `a follower that lags gets all streams of a quick succession, once each and in order`(
        loops: Int
    ) async throws {
        let tracker = ActiveStreamTracker.sample()
        try await TestServer.run(loops: loops, respond: Self.following(tracker)) { server in
            let clients = try (0..<4).map { _ in try server.get("/", receiveBuffer: 65_536) }
            for client in clients { try client.read(untilBodyHas: "retry") }
            let names = (0..<30).map { "stream_\($0)" }
            let text = String(repeating: "Nobody reads this for now. ", count: 800)
            for name in names { try play(name, tracker, text: text) }
            tracker.drain()
            _ = tracker.endFollowers(atMost: .max)
            for client in clients { #expect(try client.stream().events.map(\.id) == ids(of: names)) }
        }
    }

    @Test(arguments: 0..<5)
    func `followers that come while streams start and end miss none and see none twice`(round: Int) async throws {
        let tracker = ActiveStreamTracker.sample()
        try await TestServer.run(loops: 3, respond: Self.following(tracker)) { server in
            let names = (0..<60).map { "stream_\($0)" }
            let playing = Task {
                for name in names {
                    try play(name, tracker)
                    await server.group.loops[round % 3].barrier()
                }
            }
            var clients: [TestClient] = []
            for _ in 0..<12 {
                clients.append(try server.get("/"))
                await server.group.loops[0].barrier()
            }
            try await playing.value
            for client in clients { try client.read(untilBodyHas: "retry") }
            tracker.drain()
            _ = tracker.endFollowers(atMost: .max)
            for client in clients {
                let seen = try client.stream().events.map { $0.id ?? "" }
                #expect(seen.count % 5 == 0)
                #expect(seen == ids(of: names.suffix(seen.count / 5)))
            }
        }
    }

    @Test(arguments: loopCounts)
    func `when the service drains, followers end with their session's running stream, or at once`(
        loops: Int
    ) async throws {
        let tracker = ActiveStreamTracker.sample()
        try await TestServer.run(loops: loops, respond: Self.following(tracker)) { server in
            let idle = try server.get("/")
            try idle.read(untilBodyHas: "retry")
            tracker.drain()
            _ = tracker.endFollowers(atMost: .max)
            let ended = try idle.stream()
            #expect(ended.events.isEmpty)
            #expect(ended.retry == 2000)
            // One that comes later finds nothing to wait for.
            #expect(try server.get("/").stream().events.isEmpty)
        }
        let busy = ActiveStreamTracker.sample()
        try await TestServer.run(loops: loops, respond: Self.following(busy)) { server in
            var (stream, writer) = try begin("running", busy)
            let client = try server.get("/")
            try client.read(untilBodyHas: "started")
            busy.drain()
            _ = busy.endFollowers(atMost: .max)
            await server.settle()
            let late = try server.get("/")
            try late.read(untilBodyHas: "started")
            for _ in 0..<3 { writer.append("goes on") }
            busy.end(stream, terminalEvent: writer.terminal())
            #expect(try client.stream().events.map(\.id) == ids(of: ["running"]))
            #expect(try late.stream().events.map(\.id) == ids(of: ["running"]))
        }
    }

    @Test func `a stream that is not announced is shown to no follower`() async throws {
        let tracker = ActiveStreamTracker.sample()
        try await TestServer.run(loops: 1, respond: Self.following(tracker)) { server in
            let stream = sampleStream("abandoned")
            _ = try tracker.start(stream, joinsSameQuery: false)
            let client = try server.get("/")
            try client.read(untilBodyHas: "retry")
            tracker.end(stream, terminalEvent: SampleWriter(stream).terminal("error"), isKept: false)
            try play("next", tracker)
            try client.read(untilBodyHas: "next:4")
            tracker.drain()
            _ = tracker.endFollowers(atMost: .max)
            #expect(try client.stream().events.map(\.id) == ids(of: ["next"]))
        }
    }
}
