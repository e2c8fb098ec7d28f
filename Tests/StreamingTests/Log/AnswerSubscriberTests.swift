import Glibc
import Primitives
import Synchronization
import TestSupport
import Testing

@testable import HTTPServer
@testable import Streaming

/// Clients that get an answer's text in a form of their own.
struct AnswerSubscriberTests {
    /// `begin`, then each piece as a JSON string, then `end`.
    private struct PlainEncoder: AnswerEncoder {
        func appendBeginning(to bytes: inout [UInt8]) { append(event: Array("begin".utf8), to: &bytes) }

        func append(_ text: [UInt8], to bytes: inout [UInt8]) {
            var json: [UInt8] = []
            json.append(jsonString: String(decoding: text, as: UTF8.self))
            append(event: json, to: &bytes)
        }

        func appendEnd(to bytes: inout [UInt8]) { append(event: Array("end".utf8), to: &bytes) }

        private func append(event: [UInt8], to bytes: inout [UInt8]) {
            bytes += Array("data: ".utf8) + event + Array("\n\n".utf8)
        }
    }

    /// The text of the pieces among a stream's data.
    private static func text(_ data: some Sequence<String>) -> String {
        data.compactMap { try? JSONParser.parse(Array($0.utf8)).stringValue }.joined()
    }

    private static func subscription(_ log: StreamLog, whenClosed: (@Sendable () -> Void)? = nil) -> AnswerSubscription
    {
        AnswerSubscription(log, encoder: PlainEncoder(), metrics: StreamMetrics(), whenClosed: whenClosed)
    }

    @Test(arguments: [1, 3])
    func `all of the answer comes, by pieces that cut no character, to clients of either version`(
        loops: Int
    ) async throws {
        let stream = sampleStream()
        let closed = Atomic(0)
        let subscription = Self.subscription(stream.log) { closed.add(1, ordering: .relaxed) }
        let respond: @Sendable (HTTPRequest) -> HTTPResponse = { _ in HTTPResponse(body: .stream(subscription)) }
        try await TestServer.run(loops: loops, respond: respond) { server in
            var writer = SampleWriter(stream)
            writer.start()
            let early = try ["1.1", "1.0"].map { try server.get("/", version: $0) }
            for client in early { try client.read(untilBodyHas: "begin") }
            writer.append("first")
            for client in early { try client.read(untilBodyHas: "first") }
            // Of three bytes a character, and not in step with any limit.
            let text = String(repeating: "…€ह", count: 30_000)
            for part in [text, "b", text] { writer.append(part) }
            let late = try ["1.1", "1.0"].map { try server.get("/", version: $0) }
            for client in late { try client.read(untilBodyHas: "begin") }
            writer.append("last")
            stream.log.end(writer.terminal())
            for (index, client) in (early + late).enumerated() {
                let data =
                    try index % 2 == 0 ? client.stream().data : client.unframedStream(through: "data: end\n\n").data
                #expect(data.first == "begin" && data.last == "end")
                #expect(Self.text(data) == "first" + text + "b" + text + "last")
                #expect(data.allSatisfy { $0.utf8.count <= 16_386 })
            }
            await server.settle()
            #expect(subscription.metrics.subscribers.load(ordering: .relaxed) == 0)
            #expect(closed.load(ordering: .relaxed) == 4)
        }
    }

    @Test func `one that comes after the end gets all, and one after a stop the end alone`() async throws {
        for isStopped in [false, true] {
            let stream = sampleStream()
            var writer = SampleWriter(stream)
            writer.start()
            writer.append("all of it")
            if isStopped { stream.abandon() }
            stream.log.end(writer.terminal())
            let subscription = Self.subscription(stream.log)
            let respond: @Sendable (HTTPRequest) -> HTTPResponse = { _ in HTTPResponse(body: .stream(subscription)) }
            try await TestServer.run(loops: 1, respond: respond) { server in
                let data = try server.get("/").stream().data
                #expect(data == ["begin"] + (isStopped ? [] : ["\"all of it\""]) + ["end"])
            }
        }
    }

    /// A connection whose socket takes as much as it is told to.
    private final class Socket {
        private let producer: any BodyProducer
        private let sink = ByteSink()
        private var received: [UInt8] = []

        init(_ log: StreamLog, on loop: EventLoop) {
            let outlet = BodyOutlet(loop: loop, isChunked: true, connection: nil)
            producer = AnswerSubscriberTests.subscription(log).start(outlet)
        }

        /// What has come.
        var data: [String] { get throws { try EventStream(ChunkedBody(received).content).data } }

        /// Sends once, as long as the producer has something, but for bytes beyond `limit`.
        func send(atMost limit: Int = .max) {
            while true {
                var batch = WriteBatch()
                let state = producer.fill(&batch)
                let bytes = sink.take(batch).prefix(limit)
                received += bytes
                producer.didSend(bytes.count)
                guard state == .more, bytes.count == batch.byteCount else { return }
            }
        }

        func close() { producer.didClose() }
    }

    private static func onLoop<Value: Sendable>(_ body: @escaping @Sendable (EventLoop) throws -> Value) async throws
        -> Value
    {
        let group = try EventLoopGroup(count: 1, time: SystemTimeSource())
        defer { group.stop() }
        let loop = group.loops[0]
        return try await Task(executorPreference: loop) { try body(loop) }.value
    }

    @Test(arguments: [0, 1, 10, 10_000])
    func `a stop takes back a piece of which nothing has left, and lets one go out that has begun to`(
        taken: Int
    ) async throws {
        let data = try await Self.onLoop { loop in
            let stream = sampleStream()
            var writer = SampleWriter(stream)
            let socket = Socket(stream.log, on: loop)
            socket.send()
            writer.append("piece")
            socket.send(atMost: taken)
            writer.append("never to be seen")
            stream.abandon()
            socket.send()
            stream.log.end(writer.terminal("cancelled"))
            socket.send()
            socket.close()
            return try socket.data
        }
        #expect(data == (taken == 0 ? ["begin", "end"] : ["begin", "\"piece\"", "end"]))
    }

    @Test(arguments: [0, 1, 10, 10_000])
    func `what was said while the socket was full comes with the rest`(taken: Int) async throws {
        let data = try await Self.onLoop { loop in
            let stream = sampleStream()
            var writer = SampleWriter(stream)
            let socket = Socket(stream.log, on: loop)
            socket.send()
            writer.append("first")
            socket.send(atMost: taken)
            writer.append(" second")
            writer.append(" third")
            socket.send()
            defer { socket.close() }
            return try socket.data
        }
        #expect(data == ["begin", "\"first\"", "\" second third\""])
    }

    @Test(arguments: 0..<30)
    func `after a stop has returned no loop begins another piece`(seed: UInt64) async throws {
        let race = try await StopRace.run(seed: seed, mark: "\"") { Self.subscription($0) }
        for reader in race.readers {
            #expect(reader.late.load(ordering: .relaxed) == 0)
            #expect(reader.isFinished)
            let data = try EventStream(ChunkedBody(reader.received).content).data
            #expect(data.first == "begin" && data.last == "end")
            #expect(race.answer?.hasPrefix(Self.text(data)) == true)
        }
    }
}
