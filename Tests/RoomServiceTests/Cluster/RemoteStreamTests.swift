import Primitives
import Streaming
import TestSupport
import Testing

@testable import RoomService

/// A copy of a stream from what its instance tells of it, whatever is lost, repeated or late.
struct RemoteStreamTests {
    /// A log, and the entries that tell of it.
    private struct Original {
        let log = StreamLog(streamID: "stream_1", agentType: "assistant")
        var encoder = StreamEventEncoder(streamID: "stream_1", agentType: "assistant")
        var place = CopyPlace()

        mutating func append(_ text: String) {
            encoder.encodeContent(Array(text.utf8))
            #expect(log.append(encoder.bytes, content: Array(text.utf8)))
        }

        mutating func end(_ end: ReplyEnd) {
            encoder.encodeTerminal(end, answer: log.answer)
            log.end(encoder.bytes)
        }

        /// The next entry, which there must be.
        mutating func next() throws -> StreamEntry {
            let entry = entry()
            return try #require(entry)
        }

        /// What has been added since the last entry, at most some bytes of it.
        mutating func entry(limit: Int = .max) -> StreamEntry? {
            let first = place.sequence
            var bytes: [UInt8] = []
            guard case .copied(let areHidden) = log.copyEvents(from: &place, to: &bytes, limit: limit) else {
                return nil
            }
            return .events(.init(first: first, next: place.sequence, bytes: bytes, areHidden: areHidden))
        }

        /// All bytes of the log.
        var bytes: [UInt8] {
            var place = CopyPlace()
            var bytes: [UInt8] = []
            while case .copied = log.copyEvents(from: &place, to: &bytes, limit: .max) {}
            return bytes
        }
    }

    private static func bytes(of log: StreamLog) -> [UInt8] {
        var place = CopyPlace()
        var bytes: [UInt8] = []
        while case .copied = log.copyEvents(from: &place, to: &bytes, limit: .max) {}
        return bytes
    }

    private static let beginning = StreamEntry.whole(StreamEntryTests.origin, sequence: 0, answer: [])

    @Test func `the end of a stream whose instance is gone is the next event, whatever was shown there`() throws {
        var original = Original()
        for number in 0..<3 { original.append("word \(number) ") }
        let copy = RemoteStream(id: "stream_1", retainedLimit: .max)
        _ = copy.apply(Self.beginning)
        _ = copy.apply(try original.next())
        let log = try #require(copy.log)
        let whole = Self.bytes(of: log).count
        let (beforeEnd, last) = (log.place(before: 3), StreamEventID.unknownEnd)
        #expect(log.place(before: 4) == .unknown && log.terminalSequence == nil)

        var encoder = StreamEventEncoder(streamID: "stream_1", agentType: "assistant", firstSequence: last)
        encoder.encodeTerminal(.interrupted, answer: log.answer)
        _ = copy.apply(.events(.init(first: last, next: last + 1, bytes: encoder.bytes)))
        #expect(log.hasEnded && log.terminalSequence == last)
        #expect(Self.bytes(of: log).dropFirst(whole).elementsEqual(encoder.bytes))
        #expect(log.place(before: 3) == beforeEnd && beforeEnd == .cursor(whole))
        for sequence in [4, 100, last] { #expect(log.place(before: sequence) == beforeEnd) }
        #expect(log.place(before: last + 1) == .cursor(whole + encoder.bytes.count))
        #expect(log.place(before: last + 2) == .unknown)
    }

    @Test func `a stop that is heard before what it stops hides all of that`() throws {
        var original = Original()
        original.append("word ")
        let copy = RemoteStream(id: "stream_1", retainedLimit: .max)
        guard case .sealed(nil, by: "b", request: 7) = copy.apply(.sealed(by: "b", request: 7)) else {
            Issue.record("it is a stop")
            return
        }
        _ = copy.apply(Self.beginning)
        _ = copy.apply(try original.next())
        let log = try #require(copy.log)
        #expect(log.eventCount == 1 && Self.isHidden(log))
    }

    @Test(arguments: [false, true])
    func `whoever asks for silence waits for those who were writing when it began`(isHeardLater: Bool) throws {
        var original = Original()
        original.append("word ")
        let copy = RemoteStream(id: "stream_1", retainedLimit: .max)
        _ = copy.apply(Self.beginning)
        _ = copy.apply(try original.next())
        if isHeardLater { copy.stop() }
        for _ in 0..<2 {
            guard case .sealed(let seal, by: _, request: _) = copy.apply(.sealed(by: "b", request: 7)) else {
                Issue.record("it is a stop")
                return
            }
            #expect(seal != nil)
        }
        #expect(Self.isHidden(try #require(copy.log)))
    }

    private static func isHidden(_ log: StreamLog) -> Bool {
        var (place, bytes) = (CopyPlace(), [UInt8]())
        guard case .copied(let areHidden) = log.copyEvents(from: &place, to: &bytes, limit: .max) else { return false }
        return areHidden
    }

    @Test(arguments: 0..<50)
    func `a copy is its original, byte by byte, whatever comes twice`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var original = Original()
        var entries = [Self.beginning]
        for index in 0..<Int.random(in: 1..<200, using: &random) {
            original.append("piece \(index) \"\u{1F600}\" ")
            if Bool.random(using: &random) {
                while let entry = original.entry(limit: Int.random(in: 1..<1000, using: &random)) {
                    entries.append(entry)
                }
            }
        }
        original.end(.complete())
        while let entry = original.entry() { entries.append(entry) }
        let copy = RemoteStream(id: "stream_1", retainedLimit: .max)
        for (index, entry) in entries.enumerated() {
            _ = copy.apply(entry)
            // Old ones again, as they come from two sides.
            for _ in 0..<Int.random(in: 0..<3, using: &random) {
                _ = copy.apply(entries[Int.random(in: 0...index, using: &random)])
            }
        }
        let log = try #require(copy.log)
        #expect(Self.bytes(of: log) == original.bytes)
        #expect(log.answer == original.log.answer && log.hasEnded && log.eventCount == original.log.eventCount)
    }

    @Test func `events that are missing are noticed, and nothing is appended behind them`() throws {
        var original = Original()
        let copy = RemoteStream(id: "stream_1", retainedLimit: .max)
        original.append("one ")
        let first = try original.next()
        guard case .gap = copy.apply(first) else { return #expect(Bool(false), "nothing is known of the stream yet") }
        _ = copy.apply(Self.beginning)
        original.append("two ")
        let second = try original.next()
        guard case .gap = copy.apply(second) else { return #expect(Bool(false), "the first event is missing") }
        guard case .applied(1) = copy.apply(first), case .applied(1) = copy.apply(second) else {
            return #expect(Bool(false), "both come in their order")
        }
        #expect(copy.log?.answer == "one two ")
    }

    @Test func `a copy may begin with the text of what it never had`() throws {
        var original = Original()
        for index in 0..<10 { original.append("\(index) ") }
        let (answer, place) = original.log.whole
        original.place = place
        let copy = RemoteStream(id: "stream_1", retainedLimit: .max)
        _ = copy.apply(.whole(StreamEntryTests.origin, sequence: place.sequence, answer: answer))
        original.append("more")
        original.end(.complete())
        while let entry = original.entry() { _ = copy.apply(entry) }
        let log = try #require(copy.log)
        #expect(log.answer == original.log.answer && log.eventCount == original.log.eventCount && log.hasEnded)
        #expect(log.place(before: 3) == .passed)
        guard case .cursor = log.place(before: place.sequence) else {
            return #expect(Bool(false), "what it has is held")
        }
    }

    @Test func `a copy that has missed what nobody has any more is lost`() {
        let copy = RemoteStream(id: "stream_1", retainedLimit: .max)
        _ = copy.apply(Self.beginning)
        guard case .lost = copy.apply(.whole(StreamEntryTests.origin, sequence: 5, answer: [])) else {
            return #expect(Bool(false), "five events are missing")
        }
    }

    @Test func `a stopped copy hides what it had not shown, and keeps its numbers`() throws {
        var original = Original()
        let copy = RemoteStream(id: "stream_1", retainedLimit: .max)
        _ = copy.apply(Self.beginning)
        original.append("shown ")
        _ = copy.apply(try original.next())
        original.append("hidden ")
        #expect(original.log.seal() != nil)
        guard case .sealed(let seal, "instance_1", 3) = copy.apply(.sealed(by: "instance_1", request: 3)) else {
            return #expect(Bool(false), "it is sealed")
        }
        #expect(seal != nil)
        original.end(.cancelled)
        while let entry = original.entry() { _ = copy.apply(entry) }
        let log = try #require(copy.log)
        #expect(log.hasEnded && log.eventCount == original.log.eventCount && log.answer == original.log.answer)
        #expect(Self.bytes(of: log) == original.bytes)
    }

    @Test func `what was stopped before it was told is shown to nobody, whether or not the copy has heard of the stop`()
        throws
    {
        var original = Original()
        let copy = RemoteStream(id: "stream_1", retainedLimit: .max)
        _ = copy.apply(Self.beginning)
        original.append("hidden ")
        #expect(original.log.seal() != nil)
        let entry = try original.next()
        guard case .events(let events) = entry, events.areHidden else {
            return #expect(Bool(false), "the original tells that it is stopped")
        }
        _ = copy.apply(entry)
        #expect(copy.log?.seal() == nil, "it is sealed by that")
        #expect(copy.log?.eventCount == 1)
    }

    @Test(arguments: [
        "5\r\nhello\r\n", "zz\r\n", "10\r\nid: a:1\ndata: {}\n\n\r\n", "4\r\nid: ", "7fffffffffffffff\r\n",
    ])
    func `what are no events end the copy`(text: String) {
        let copy = RemoteStream(id: "stream_1", retainedLimit: .max)
        _ = copy.apply(Self.beginning)
        guard case .malformed = copy.apply(.events(.init(first: 0, next: 1, bytes: Array(text.utf8)))) else {
            return #expect(Bool(false), "\(text)")
        }
    }
}
