import Primitives
import TestSupport
import Testing

@testable import HTTPServer
@testable import Streaming

/// Streams as clients see them, over real sockets.
@Suite(.serialized)
struct SubscriberTests {
    private static let loopCounts = [1, 3]

    /// Answers `/done` and `/plain` with the log, and `/from/<n>` with the log from the event `n` on.
    private static func watching(_ log: StreamLog) -> @Sendable (HTTPRequest) -> HTTPResponse {
        { request in
            let path = request.head.path
            if let first = Int(path.dropFirst(6)), case .cursor(let cursor) = log.place(before: first) {
                return HTTPResponse(body: .stream(Subscription(log, from: cursor, sendsDone: false)))
            }
            return HTTPResponse(body: .stream(Subscription(log, sendsDone: path == "/done")))
        }
    }

    @Test(arguments: loopCounts)
    func `many watchers on several loops get the same bytes, whenever they come`(loops: Int) async throws {
        let stream = sampleStream()
        try await TestServer.run(loops: loops, respond: Self.watching(stream.log)) { server in
            var clients = try (0..<20).map { _ in try server.get("/plain") }
            var writer = SampleWriter(stream)
            writer.start()
            for round in 0..<15 {
                for index in 0..<20 { writer.append("round \(round), \"piece\" \(index)\n") }
                clients.append(try server.get("/plain"))
                if round % 10 == 9 { await server.settle() }
            }
            stream.log.end(writer.terminal())
            clients.append(try server.get("/plain"))
            let first = try clients[0].stream()
            #expect(first.retry == 2000)
            #expect(first.events.map(\.id) == (0...301).map { "stream_1:\($0)" })
            #expect(first.data[0].contains("started"))
            #expect(first.data[1].contains(#""content":"round 0, \"piece\" 0\n""#))
            #expect(first.data[301].contains("complete"))
            for client in clients.dropFirst() { #expect(try client.stream() == first) }
        }
    }

    @Test(arguments: loopCounts)
    func `a body ends with DONE where that is asked for, and the next request follows it`(
        loops: Int
    ) async throws {
        let stream = sampleStream()
        try await TestServer.run(loops: loops, respond: Self.watching(stream.log)) { server in
            var writer = SampleWriter(stream)
            writer.start()
            stream.log.end(writer.terminal())
            let done = try server.get("/done").stream()
            #expect(done.data.last == "[DONE]")
            #expect(done.events.last?.id == nil)
            let client = try server.get("/plain")
            #expect(try client.stream().data.count == 2)
            let length = client.received.count
            try client.send("GET /plain HTTP/1.1\r\nHost: localhost\r\n\r\n")
            try client.read { $0.received.count >= 2 * length }
            #expect(client.received.count == 2 * length)
        }
    }

    @Test func `a client that resumes gets the rest from the next event on`() async throws {
        let stream = sampleStream()
        try await TestServer.run(loops: 1, respond: Self.watching(stream.log)) { server in
            var writer = SampleWriter(stream)
            writer.start()
            for index in 0..<10 { writer.append("\(index)") }
            let early = try server.get("/from/8")
            try early.read(untilBodyHas: "stream_1:10")
            stream.log.end(writer.terminal())
            #expect(try early.stream().events.map(\.id) == (8...11).map { "stream_1:\($0)" })
            for sequence in 0...12 {
                let ids = try server.get("/from/\(sequence)").stream().events.map(\.id)
                #expect(ids == (sequence..<12).map { "stream_1:\($0)" })
            }
        }
    }

    @Test(arguments: loopCounts)
    func `a client of HTTP 1 point 0 gets the same events without chunks`(loops: Int) async throws {
        let stream = sampleStream()
        try await TestServer.run(loops: loops, respond: Self.watching(stream.log)) { server in
            var writer = SampleWriter(stream)
            let clients = try (0..<4).map { _ in try server.get("/done", version: "1.0", receiveBuffer: 65_536) }
            writer.start()
            for index in 0..<300 { writer.append(String(repeating: "text \(index) ", count: index * 10 % 2000)) }
            stream.log.end(writer.terminal())
            let chunked = try server.get("/done").stream()
            for client in clients {
                #expect(try client.unframedStream(through: "data: [DONE]\n\n") == chunked)
            }
        }
    }

    @Test func `a stream that is silent carries a comment after the keep-alive time`() async throws {
        let stream = sampleStream()
        let time = ManualTimeSource()
        try await TestServer.run(loops: 1, time: time, respond: Self.watching(stream.log)) { server in
            var writer = SampleWriter(stream)
            writer.start()
            let client = try server.get("/plain")
            try client.read(untilBodyHas: "started")
            for _ in 0..<3 {
                time.advance(by: .seconds(15))
                try client.read(untilBodyHas: "3\r\n:\n\n\r\n")
            }
            writer.append("after the silence")
            stream.log.end(writer.terminal())
            let received = try client.stream()
            #expect(received.comments >= 1)
            #expect(received.data.count == 3)
        }
    }

    @Test(arguments: [true, false], 0..<8)
    func `a comment never comes between the parts of an event`(isChunked: Bool, seed: UInt64) async throws {
        let group = try EventLoopGroup(count: 1, time: SystemTimeSource())
        let loop = group.loops[0]
        let received = try await Task(executorPreference: loop) { try Self.trickle(on: loop, isChunked, seed) }
            .value
        group.stop()
        let decoded = try EventStream(isChunked ? ChunkedBody(received).content : received)
        #expect(decoded.data.count == 4)
        #expect(decoded.comments >= 1)
    }

    /// What a socket gets of a stream that takes one byte at a time, while a comment is asked for again and again.
    private static func trickle(on loop: EventLoop, _ isChunked: Bool, _ seed: UInt64) throws -> [UInt8] {
        let stream = sampleStream()
        var writer = SampleWriter(stream)
        writer.start()
        writer.append("text")
        let outlet = BodyOutlet(loop: loop, isChunked: isChunked, connection: nil)
        let producer = Subscription(stream.log, sendsDone: true).start(outlet)
        let (sink, end) = (ByteSink(), writer.terminal())
        var batch = WriteBatch()
        var (received, random, waits) = ([UInt8](), SeededGenerator(seed: seed), 0)
        while received.count < 5000 {
            batch.removeAll()
            if Int.random(in: 0..<2, using: &random) == 0 { producer.keepAlive() }
            let state = producer.fill(&batch)
            let bytes = sink.take(batch)
            received += bytes.prefix(1)
            producer.didSend(min(1, bytes.count))
            switch state {
            case .finished where bytes.count == 1:
                producer.didClose()
                return received
            case .waiting where bytes.count <= 1:
                waits += 1
                if waits == 40 { stream.log.end(end) }
            case .finished, .waiting, .more: break
            }
        }
        throw TestClient.Failure(reason: "the body does not end")
    }
}
