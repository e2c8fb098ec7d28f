import Glibc
import Primitives
import Synchronization
import TestSupport
import Testing

@testable import HTTPServer
@testable import Streaming

/// A stop while other loops are in the middle of their writes.
@Suite(.serialized)
struct SealTests {
    /// A reader that fills a batch, dawdles, and then sends it, again and again, as a connection does.
    private final class DawdlingReader: LoopWork, @unchecked Sendable {
        // Safe: touched on its loop alone but for the atomics.
        private let log: StreamLog
        private let hasStopped: Atomic<Bool>
        private var producer: (any BodyProducer)?
        private var batch = WriteBatch()
        private let sink = ByteSink()
        private var random: SeededGenerator
        private var received: [UInt8] = []
        private var isFinished = false
        /// How many events it began after the stop had returned.
        let late = Atomic(0)

        init(_ log: StreamLog, seed: UInt64) {
            self.log = log
            random = SeededGenerator(seed: seed)
            hasStopped = Atomic(false)
        }

        func didStop() { hasStopped.store(true, ordering: .sequentiallyConsistent) }

        func start(on loop: EventLoop) {
            let outlet = BodyOutlet(loop: loop, isChunked: true, connection: nil)
            producer = Subscription(log, sendsDone: false).start(outlet)
            run(on: loop)
        }

        func run(on loop: EventLoop) {
            guard let producer, !isFinished else { return }
            batch.removeAll()
            let state = producer.fill(&batch)
            for _ in 0..<Int.random(in: 0..<20_000, using: &random) { _ = hasStopped.load(ordering: .relaxed) }
            let isLate = hasStopped.load(ordering: .sequentiallyConsistent)
            let bytes = sink.take(batch)
            let count = Bool.random(using: &random) ? bytes.count : Int.random(in: 0...bytes.count, using: &random)
            let before = received.count
            received += bytes.prefix(count)
            producer.didSend(count)
            if isLate, begins(from: before) { late.add(1, ordering: .relaxed) }
            if case .finished = state, count == batch.byteCount {
                producer.didClose()
                self.producer = nil
                isFinished = true
            } else {
                loop.flush(self)
            }
        }

        /// Whether a streaming event begins among the bytes from `place` on.
        private func begins(from place: Int) -> Bool {
            guard let chunks = try? ChunkedBody(received) else { return true }
            var start = 0
            for chunk in chunks.chunks + [chunks.rest] {
                if start >= place, String(decoding: chunk, as: UTF8.self).contains("streaming") { return true }
                start += chunk.count + String(chunk.count, radix: 16).utf8.count + 4
            }
            return false
        }
    }

    @Test(arguments: 0..<30)
    func `after a stop has returned no loop begins another streaming event`(seed: UInt64) async throws {
        let group = try EventLoopGroup(count: 3, time: SystemTimeSource())
        let stream = sampleStream()
        let readers = (0..<6).map { DawdlingReader(stream.log, seed: seed * 100 + UInt64($0)) }
        for (index, reader) in readers.enumerated() {
            let loop = group.loops[index % 3]
            loop.execute { reader.start(on: loop) }
        }
        var writer = SampleWriter(stream)
        writer.start()
        for index in 0..<(20 + Int(seed) * 3) { writer.append("piece \(index)") }
        let writing = Task(executorPreference: group.loops[0]) { [writer] in
            var writer = writer
            while writer.append("another piece") { await Task.yield() }
        }
        let answer = await stream.cancel(.stopped)
        for reader in readers { reader.didStop() }
        #expect(answer?.hasPrefix("piece 0piece 1") == true)
        await writing.value
        #expect(stream.log.answer == answer)
        for loop in group.loops { await loop.barrier() }
        stream.log.end(writer.terminal("cancelled"))
        for _ in 0..<20 { for loop in group.loops { await loop.barrier() } }
        group.stop()
        for reader in readers { #expect(reader.late.load(ordering: .relaxed) == 0) }
    }

    @Test(arguments: [1, 3])
    func `a client that lags when the stream is stopped gets the rest of its event and the end`(
        loops: Int
    ) async throws {
        let stream = sampleStream()
        let respond: @Sendable (HTTPRequest) -> HTTPResponse = { request in
            HTTPResponse(body: .stream(Subscription(stream.log, sendsDone: true)))
        }
        try await TestServer.run(loops: loops, respond: respond) { server in
            var writer = SampleWriter(stream)
            writer.start()
            let lagging = try (0..<6).map { index in
                try server.get("/", version: index < 4 ? "1.1" : "1.0", receiveBuffer: 65_536)
            }
            for client in lagging { try client.read(untilBodyHas: "started") }
            let text = String(repeating: "Nothing of this is read for now. ", count: 3000)
            for _ in 0..<60 { writer.append(text) }
            await server.settle()
            let answer = await stream.cancel(.stopped)
            #expect(answer == String(repeating: text, count: 60))
            #expect(writer.append("too late") == false)
            stream.log.end(writer.terminal("cancelled"))
            for (index, client) in lagging.enumerated() {
                let received = try index < 4 ? client.stream() : client.unframedStream(through: "data: [DONE]\n\n")
                #expect(received.data.last == "[DONE]")
                let events = received.events.dropLast()
                #expect(events.last?.id == "stream_1:61")
                #expect(events.last?.data.contains("cancelled") == true)
                #expect(events.dropLast().map(\.id) == (0..<events.count - 1).map { "stream_1:\($0)" })
                #expect(events.count < 55)
            }
        }
    }
}
