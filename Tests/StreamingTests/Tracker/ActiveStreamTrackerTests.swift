import HTTPServer
import Primitives
import Synchronization
import Testing

@testable import Streaming

struct ActiveStreamTrackerTests {
    private func refusal(_ tracker: ActiveStreamTracker, _ stream: LiveStream) -> StreamRefusal? {
        do throws(StreamRefusal) {
            _ = try tracker.start(stream, joinsSameQuery: false)
            return nil
        } catch {
            return error
        }
    }

    private func joined(
        _ tracker: ActiveStreamTracker,
        _ stream: LiveStream,
        sameQuery: Bool = false
    ) throws -> LiveStream? {
        if case .joined(let known) = try tracker.start(stream, joinsSameQuery: sameQuery) { return known }
        return nil
    }

    private func end(_ tracker: ActiveStreamTracker, _ stream: LiveStream, isKept: Bool = true) {
        tracker.end(stream, terminalEvent: SampleWriter(stream).terminal(), isKept: isKept)
    }

    @Test func `a stream has begun when it is announced, and not when it takes its place`() throws {
        let tracker = ActiveStreamTracker.sample(streams: 1, perUser: 1)
        let stream = sampleStream()
        _ = try tracker.start(stream, joinsSameQuery: false)
        // The store may know nothing of it yet, and must not be asked for it.
        #expect(!stream.hasBegun && tracker.runningCount == 1)
        tracker.announce(stream)
        #expect(stream.hasBegun)
    }

    @Test func `a session has one stream, a user a few, the service a number of them`() throws {
        let tracker = ActiveStreamTracker.sample(streams: 4, perUser: 2)
        let first = sampleStream("1", session: "a")
        #expect(refusal(tracker, first) == nil)
        #expect(refusal(tracker, sampleStream("2", session: "a")) == .sessionBusy(streamID: "1"))
        let second = sampleStream("3", session: "b")
        #expect(refusal(tracker, second) == nil)
        #expect(refusal(tracker, sampleStream("4", session: "c")) == .userLimitReached(limit: 2))
        #expect(refusal(tracker, sampleStream("5", session: "d", user: "bob")) == nil)
        #expect(refusal(tracker, sampleStream("6", session: "e", user: "bob")) == nil)
        #expect(refusal(tracker, sampleStream("7", session: "f", user: "eve")) == .overloaded)
        #expect(tracker.runningCount == 4)
        end(tracker, first)
        #expect(refusal(tracker, sampleStream("8", session: "a")) == nil)
        tracker.drain()
        _ = tracker.endFollowers(atMost: .max)
        end(tracker, second)
        #expect(refusal(tracker, sampleStream("9", session: "b")) == .shuttingDown)
    }

    @Test(arguments: [(1, 200), (5, 200), (200, 7)])
    func `racing starts on several threads get exactly as many streams as allowed`(
        perUser: Int,
        total: Int
    ) async throws {
        let tracker = ActiveStreamTracker.sample(streams: total, perUser: perUser)
        let group = try EventLoopGroup(count: 4, time: SystemTimeSource())
        let started = Mutex<[LiveStream]>([])
        for round in 0..<5 {
            for index in 0..<200 {
                group.loops[index % 4].execute {
                    let stream = sampleStream("\(round)-\(index)", session: "session_\(index)")
                    if (try? tracker.start(stream, joinsSameQuery: false)) != nil {
                        started.withLock { $0.append(stream) }
                    }
                }
            }
            for loop in group.loops { await loop.barrier() }
            let running = started.withLock { $0 }
            #expect(running.count == min(perUser, total))
            #expect(tracker.runningCount == running.count)
            for (index, stream) in running.enumerated() {
                group.loops[index % 4].execute { end(tracker, stream) }
            }
            for loop in group.loops { await loop.barrier() }
            started.withLock { $0 = [] }
            #expect(tracker.runningCount == 0)
        }
        group.stop()
    }

    @Test func `racing starts in one session get one stream`() async throws {
        let tracker = ActiveStreamTracker.sample()
        let group = try EventLoopGroup(count: 4, time: SystemTimeSource())
        let count = Atomic(0)
        for index in 0..<200 {
            group.loops[index % 4].execute {
                let start = try? tracker.start(sampleStream("\(index)", query: "\(index)"), joinsSameQuery: true)
                if case .started = start { count.add(1, ordering: .relaxed) }
            }
        }
        for loop in group.loops { await loop.barrier() }
        group.stop()
        #expect(count.load(ordering: .relaxed) == 1)
    }

    @Test func `the same message id joins the stream while it runs and while its log is held`() throws {
        let time = ManualTimeSource()
        let tracker = ActiveStreamTracker.sample(retention: StreamRetention(time: 1000, memory: 1 << 20), time: time)
        let stream = sampleStream("1", messageID: "m")
        #expect(try joined(tracker, stream) == nil)
        #expect(try joined(tracker, sampleStream("2", messageID: "m")) === stream)
        #expect(refusal(tracker, sampleStream("3", messageID: "n")) == .sessionBusy(streamID: "1"))
        #expect(refusal(tracker, sampleStream("4")) == .sessionBusy(streamID: "1"))
        end(tracker, stream)
        #expect(try joined(tracker, sampleStream("5", messageID: "m")) === stream)
        // Another session's message of that id is another message.
        #expect(try joined(tracker, sampleStream("6", session: "other", messageID: "m")) == nil)
        time.advance(by: .nanoseconds(1000))
        tracker.limitMemory()
        #expect(try joined(tracker, sampleStream("7", messageID: "m")) == nil)
    }

    @Test func `the same query joins the running stream only where that is asked for`() throws {
        let tracker = ActiveStreamTracker.sample()
        let stream = sampleStream("1", query: "Why?")
        #expect(try joined(tracker, stream, sameQuery: true) == nil)
        #expect(try joined(tracker, sampleStream("2", query: "Why?"), sameQuery: true) === stream)
        #expect(refusal(tracker, sampleStream("3", query: "Why?")) == .sessionBusy(streamID: "1"))
        #expect(throws: StreamRefusal.sessionBusy(streamID: "1")) {
            try tracker.start(sampleStream("4", query: "How?"), joinsSameQuery: true)
        }
        #expect(throws: StreamRefusal.sessionBusy(streamID: "1")) {
            try tracker.start(sampleStream("5", query: "Why?", messageID: "m"), joinsSameQuery: true)
        }
        end(tracker, stream)
        #expect(try joined(tracker, sampleStream("6", query: "Why?"), sameQuery: true) == nil)
    }

    @Test func `whoever has seen the terminal event can start the next stream`() async throws {
        let tracker = ActiveStreamTracker.sample()
        let group = try EventLoopGroup(count: 2, time: SystemTimeSource())
        let late = Atomic(0)
        for index in 0..<40 {
            let stream = sampleStream("\(index)")
            _ = try tracker.start(stream, joinsSameQuery: false)
            group.loops[0].execute { end(tracker, stream) }
            group.loops[1].execute {
                while !stream.log.hasEnded {}
                if tracker.running(sessionID: "session_1") === stream { late.add(1, ordering: .relaxed) }
            }
            for loop in group.loops { await loop.barrier() }
        }
        group.stop()
        #expect(late.load(ordering: .relaxed) == 0)
    }

    @Test func `a stream that ends twice has ended once`() throws {
        let tracker = ActiveStreamTracker.sample(perUser: 1)
        let stream = sampleStream("1")
        _ = try tracker.start(stream, joinsSameQuery: false)
        end(tracker, stream)
        let next = sampleStream("2")
        _ = try tracker.start(next, joinsSameQuery: false)
        end(tracker, stream)
        #expect(stream.log.eventCount == 1)
        #expect(tracker.running(sessionID: "session_1") === next)
        #expect(refusal(tracker, sampleStream("3", session: "b")) == .userLimitReached(limit: 1))
    }

    @Test func `streams are found by id, by session and by room`() throws {
        let tracker = ActiveStreamTracker.sample()
        let streams = (0..<6).map { sampleStream("\($0)", session: "s\($0)", room: "r\($0 % 2)") }
        for stream in streams { _ = try tracker.start(stream, joinsSameQuery: false) }
        #expect(Set(tracker.running(roomID: "r1").map(\.id)) == ["1", "3", "5"])
        #expect(tracker.running(sessionID: "s4") === streams[4])
        #expect(tracker.stream(id: "2") === streams[2])
        end(tracker, streams[1])
        #expect(Set(tracker.running(roomID: "r1").map(\.id)) == ["3", "5"])
        #expect(tracker.stream(id: "1") === streams[1])
        end(tracker, streams[3], isKept: false)
        #expect(tracker.stream(id: "3") == nil)
        #expect(tracker.running.count == 4)
    }

    @Test func `an abandoned stream shows its error to those who joined, and is not held`() async throws {
        let tracker = ActiveStreamTracker.sample()
        let stream = sampleStream("1", messageID: "m")
        _ = try tracker.start(stream, joinsSameQuery: false)
        let respond: @Sendable (HTTPRequest) -> HTTPResponse = { _ in
            HTTPResponse(body: .stream(Subscription(stream.log, sendsDone: true)))
        }
        try await TestServer.run(loops: 1, respond: respond) { server in
            let client = try server.get("/")
            try client.read(untilBodyHas: "retry")
            tracker.end(stream, terminalEvent: SampleWriter(stream.log, id: "1").terminal("error"), isKept: false)
            let received = try client.stream()
            #expect(received.events.map(\.id) == ["1:0", nil])
            #expect(received.data[0].contains(#""status":"error""#))
        }
        #expect(tracker.stream(id: "1") == nil)
        #expect(try joined(tracker, sampleStream("2", messageID: "m")) == nil)
    }
}
