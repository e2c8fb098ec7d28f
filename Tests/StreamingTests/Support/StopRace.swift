import Primitives
import Synchronization
import TestSupport

@testable import HTTPServer
@testable import Streaming

/// A stop while other loops are in the middle of their writes: six readers on three loops, and a writer that goes on.
struct StopRace {
    let readers: [DawdlingReader]
    /// As the stop told it.
    let answer: String?
    /// What the log has at the end.
    let logged: String

    /// - Parameters:
    ///   - mark: what the bytes of an event of the answer have in them, and no others.
    ///   - body: what each reader gets.
    static func run(seed: UInt64, mark: String, body: (StreamLog) -> any StreamedBody) async throws -> StopRace {
        let group = try EventLoopGroup(count: 3, time: SystemTimeSource())
        let stream = sampleStream()
        let readers = (0..<6).map { DawdlingReader(body(stream.log), mark: mark, seed: seed * 100 + UInt64($0)) }
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
        for _ in 0..<seed { await group.loops[Int(seed % 3)].barrier() }
        let answer = await stream.cancel(.stopped)
        for reader in readers { reader.didStop() }
        await writing.value
        for loop in group.loops { await loop.barrier() }
        stream.log.end(writer.terminal("cancelled"))
        for _ in 0..<60 { for loop in group.loops { await loop.barrier() } }
        group.stop()
        return StopRace(readers: readers, answer: answer, logged: stream.log.answer)
    }
}

/// A reader that fills a batch, dawdles, and then sends it, again and again, as a connection does.
///
/// `@unchecked Sendable`: touched on its loop alone, but for the atomics, and what it has received, once the loops have ended.
final class DawdlingReader: LoopWork, @unchecked Sendable {
    private let body: any StreamedBody
    private let mark: String
    private let hasStopped = Atomic(false)
    private var producer: (any BodyProducer)?
    private var batch = WriteBatch()
    private let sink = ByteSink()
    private var random: SeededGenerator
    private(set) var received: [UInt8] = []
    private(set) var isFinished = false
    /// How many events of the answer it began after the stop had returned.
    let late = Atomic(0)

    init(_ body: any StreamedBody, mark: String, seed: UInt64) {
        self.body = body
        self.mark = mark
        random = SeededGenerator(seed: seed)
    }

    func didStop() { hasStopped.store(true, ordering: .sequentiallyConsistent) }

    func start(on loop: EventLoop) {
        producer = body.start(BodyOutlet(loop: loop, isChunked: true, connection: nil))
        run(on: loop)
    }

    func run(on loop: EventLoop) {
        guard let producer, !isFinished else { return }
        batch.removeAll()
        if Int.random(in: 0..<8, using: &random) == 0 { producer.keepAlive() }
        let state = producer.fill(&batch)
        for _ in 0..<Int.random(in: 0..<20_000, using: &random) { _ = hasStopped.load(ordering: .relaxed) }
        let isLate = hasStopped.load(ordering: .sequentiallyConsistent)
        let bytes = sink.take(batch)
        let count = Bool.random(using: &random) ? bytes.count : Int.random(in: 0...bytes.count, using: &random)
        let before = received.count
        received += bytes.prefix(count)
        producer.didSend(count)
        if isLate, beginsEvent(from: before) { late.add(1, ordering: .relaxed) }
        if case .finished = state, count == batch.byteCount {
            producer.didClose()
            self.producer = nil
            isFinished = true
        } else {
            loop.flush(self)
        }
    }

    /// Whether an event of the answer begins among the bytes from `place` on.
    private func beginsEvent(from place: Int) -> Bool {
        guard let chunks = try? ChunkedBody(received) else { return true }
        var start = 0
        for chunk in chunks.chunks + [chunks.rest] {
            if start >= place, String(decoding: chunk, as: UTF8.self).contains(mark) { return true }
            start += chunk.count + String(chunk.count, radix: 16).utf8.count + 4
        }
        return false
    }
}
