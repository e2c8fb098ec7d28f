import Glibc
import Primitives
import TestSupport
import Testing

@testable import HTTPServer
@testable import Streaming

/// A log and its readers under random schedules, held against a list of events.
struct StreamLogModelTests {
    /// A reader whose socket takes as much as it likes.
    private struct Reader {
        let isChunked: Bool
        /// The event that it began with.
        let first: Int
        var cursor: Int
        var sent: SentEvents
        var eventCount = 0
        /// Of what is settled.
        var settledCount = 0
        var received: [UInt8] = []
        /// What it has to have received in the end, once that is settled.
        var settled: [UInt8]?
        var isFinished = false
    }

    private final class Machine {
        var random: SeededGenerator
        let log: StreamLog
        let retainedLimit: Int
        let sink = ByteSink()
        var batch = WriteBatch()
        var events: [[UInt8]] = []
        var readers: [Reader] = []
        var isSealed = false
        var hasEnded = false

        init(seed: UInt64, retainedLimit: Int) {
            log = StreamLog(streamID: "s", agentType: "a", retainedLimit: retainedLimit)
            self.retainedLimit = retainedLimit
            random = SeededGenerator(seed: seed)
        }

        func run(steps: Int) throws {
            for _ in 0..<steps {
                switch Int.random(in: 0..<100, using: &random) {
                case ..<40: append()
                case ..<46: join()
                case 46 where Bool.random(using: &random): seal()
                default: try readSome()
                }
            }
            if Bool.random(using: &random) { seal() }
            end()
            join()
            #expect(log.append([1, 2, 3]) == false)
            log.end(Self.chunk(of: 10, marker: 1))
            for index in readers.indices {
                while !readers[index].isFinished { try read(index) }
                #expect(Bool(readers[index].received == expected(readers[index])))
                let last =
                    readers[index].settled == nil
                    ? events.count - readers[index].first : readers[index].settledCount + 1
                #expect(readers[index].eventCount == last)
            }
            checkResuming()
        }

        /// One chunk of `size` bytes and more: a payload without line ends, so that nothing in it helps the log.
        private static func chunk(of size: Int, marker: Int) -> [UInt8] {
            var payload = [UInt8](repeating: UInt8(32 + marker % 200), count: size)
            payload[0] = UInt8(ascii: "<")
            payload[size - 1] = UInt8(ascii: ">")
            var bytes: [UInt8] = []
            bytes.append(chunk: payload)
            return bytes
        }

        private func append() {
            let size =
                switch Int.random(in: 0..<60, using: &random) {
                case 0: Int.random(in: 60_000..<300_000, using: &random)
                case ..<4: Int.random(in: 2000..<5000, using: &random)
                default: Int.random(in: 1..<300, using: &random)
                }
            let event = Self.chunk(of: size, marker: events.count)
            #expect(log.append(event, content: [65]) == !isSealed)
            if !isSealed { events.append(event) }
        }

        private func join() {
            let first = Int.random(in: 0...events.count - (hasEnded ? 1 : 0), using: &random)
            var reader: Reader
            switch log.place(before: first) {
            case .cursor(let cursor):
                #expect(log.eventCount(before: cursor) == first)
                reader = self.reader(from: first, at: cursor)
            case .passed: reader = readerOfSnapshot()
            case .unknown:
                Issue.record("no place before event \(first) of \(events.count)")
                return
            }
            if isSealed { reader.settled = [] }
            readers.append(reader)
        }

        /// A reader that begins anew, as single events are no longer held: it has missed nothing of the answer.
        private func readerOfSnapshot() -> Reader {
            #expect(retainedLimit < .max)
            let snapshot = log.snapshot
            let count = hasEnded ? events.count - 1 : events.count
            #expect(snapshot.sequence == count - 1)
            #expect(snapshot.answer == String(repeating: "A", count: count))
            return reader(from: count, at: snapshot.cursor)
        }

        private func reader(from first: Int, at cursor: Int) -> Reader {
            Reader(isChunked: Bool.random(using: &random), first: first, cursor: cursor, sent: SentEvents(from: first))
        }

        /// A reader may be told so only when what it wants is really too old.
        private func checkIsPassed(_ cursor: Int) {
            #expect(events.joined().count - cursor > retainedLimit)
            #expect(!log.holds(cursor))
        }

        /// From here on a reader has what it has, and the rest of an event that it is in.
        private func seal() {
            let answer = log.seal()?.answer
            #expect(answer == (isSealed ? nil : String(repeating: "A", count: events.count)))
            guard !isSealed else { return }
            isSealed = true
            for index in readers.indices {
                var settled: [UInt8] = []
                for event in events[readers[index].first...] where settled.count < readers[index].received.count {
                    settled += Self.bytes(event, isChunked: readers[index].isChunked)
                    readers[index].settledCount += 1
                }
                readers[index].settled = settled
            }
        }

        private func end() {
            let terminal = Self.chunk(of: Bool.random(using: &random) ? 50 : 100_000, marker: events.count)
            log.end(terminal)
            events.append(terminal)
            hasEnded = true
        }

        private static func bytes(_ event: [UInt8], isChunked: Bool) -> [UInt8] {
            guard !isChunked, let lineEnd = event.firstIndex(of: 0x0A) else { return event }
            return Array(event[(lineEnd + 1)..<(event.count - 2)])
        }

        private func expected(_ reader: Reader) -> [UInt8] {
            if let settled = reader.settled {
                return settled + Self.bytes(events[events.count - 1], isChunked: reader.isChunked)
            }
            return events[reader.first...].flatMap { Self.bytes($0, isChunked: reader.isChunked) }
        }

        private func readSome() throws {
            if let index = readers.indices.randomElement(using: &random) { try read(index) }
        }

        /// One turn of a reader: a batch, of which its socket takes a part, nothing, or all.
        private func read(_ index: Int) throws {
            var reader = readers[index]
            batch.removeAll()
            guard
                let state = log.read(
                    from: &reader.cursor,
                    into: &batch,
                    isChunked: reader.isChunked,
                    counting: &reader.sent
                )
            else {
                checkIsPassed(reader.cursor)
                readers[index] = readerOfSnapshot()
                if isSealed { readers[index].settled = [] }
                return
            }
            let given = batch.byteCount
            let bytes = sink.take(batch)
            let count =
                switch Int.random(in: 0..<4, using: &random) {
                case 0: 0
                case 1: Int.random(in: 0...bytes.count, using: &random)
                default: bytes.count
                }
            reader.received += bytes.prefix(count)
            reader.cursor = log.place(count, after: reader.cursor, isChunked: reader.isChunked)
            reader.eventCount += reader.sent.take(upTo: reader.cursor)
            let whole = hasEnded ? expected(reader) : upToNow(reader)
            switch state {
            case .more: #expect(given > 0, "a reader that is told to go on without a byte would spin")
            case .waiting:
                #expect(!hasEnded)
                #expect(reader.received.count - count + given == whole.count)
            case .finished:
                #expect(hasEnded)
                #expect(reader.received.count - count + given == whole.count)
                reader.isFinished = count == given
            }
            try #require(Bool(isPrefix(reader.received, of: whole)))
            readers[index] = reader
        }

        private func isPrefix(_ bytes: [UInt8], of whole: [UInt8]) -> Bool {
            bytes.count <= whole.count && memcmp(bytes, whole, bytes.count) == 0
        }

        private func upToNow(_ reader: Reader) -> [UInt8] {
            reader.settled ?? events[reader.first...].flatMap { Self.bytes($0, isChunked: reader.isChunked) }
        }

        /// Every sequence number is a place to resume from, and there gives the rest: of a stopped log, the end alone.
        private func checkResuming() {
            #expect(log.eventCount == events.count)
            for first in [0, events.count / 2, events.count - 1, events.count] {
                var sent = SentEvents(from: first)
                guard case .cursor(var cursor) = log.place(before: first) else {
                    #expect(log.place(before: first) == .passed && retainedLimit < .max)
                    continue
                }
                var received: [UInt8] = []
                while true {
                    batch.removeAll()
                    let state = log.read(from: &cursor, into: &batch, isChunked: true, counting: &sent)
                    let bytes = sink.take(batch)
                    received += bytes
                    cursor += bytes.count
                    if case .finished? = state, bytes.count == batch.byteCount { break }
                }
                let begin = isSealed ? max(first, events.count - 1) : first
                #expect(Bool(received == Array(events[begin...].joined())))
            }
            #expect(log.place(before: events.count + 1) == .unknown)
            #expect(log.place(before: -1) == .unknown)
        }
    }

    @Test(arguments: 0..<20)
    func `every reader gets each event once, in order and whole, whatever its socket takes and whenever it is stopped`(
        block: UInt64
    ) throws {
        for seed in block * 5..<block * 5 + 5 {
            for retainedLimit in [Int.max, 100_000] {
                let machine = Machine(seed: seed, retainedLimit: retainedLimit)
                try machine.run(steps: Int(seed) % 7 == 0 ? 400 : 60)
            }
        }
    }

    @Test func `a reader whose backlog just passes the limit of a batch is told that there is more`() {
        for excess in -30...30 {
            let log = StreamLog(streamID: "s", agentType: "a")
            let size = WriteBatch.byteLimit / 2 + excess
            _ = log.append([UInt8](repeating: 1, count: size))
            _ = log.append([UInt8](repeating: 2, count: WriteBatch.byteLimit / 2))
            var batch = WriteBatch()
            var cursor = 0
            var sent = SentEvents()
            let state = log.read(from: &cursor, into: &batch, isChunked: true, counting: &sent)
            #expect(batch.byteCount == min(WriteBatch.byteLimit, WriteBatch.byteLimit + excess))
            switch state {
            case .waiting: #expect(excess <= 0)
            case .more: #expect(excess > 0)
            case .finished, nil: Issue.record("not ended yet")
            }
        }
    }

    @Test func `a log tells the memory that it takes`() {
        let log = StreamLog(streamID: "s", agentType: "a")
        #expect(log.memoryByteCount == 0)
        _ = log.append([UInt8](repeating: 1, count: 100), content: [1])
        #expect((512...800).contains(log.memoryByteCount))
        let before = log.memoryByteCount
        log.end([UInt8](repeating: 1, count: 100_000))
        // Behind the end no room is kept.
        #expect(log.memoryByteCount - before <= 100_000 + 64)
    }
}
