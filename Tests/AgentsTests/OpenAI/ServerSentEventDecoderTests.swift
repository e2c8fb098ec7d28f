import TestSupport
import Testing

@testable import Agents

struct ServerSentEventDecoderTests {
    typealias Event = PlainEventStream.Event

    private static let limit = ServerSentEventDecoder.eventLimit

    /// The events in `pieces`, which come one after the other, and what is left at the end.
    private func events(_ pieces: some Sequence<some Sequence<UInt8>>) throws -> [Event] {
        var decoder = ServerSentEventDecoder()
        var events: [Event] = []
        func take() {
            var event = Event()
            (event.type, event.data) = (decoder.type, decoder.data)
            events.append(event)
        }
        for piece in pieces {
            decoder.append(Array(piece))
            while try decoder.next() { take() }
        }
        while try decoder.finish() { take() }
        return events
    }

    private func events(_ text: String) throws -> [Event] { try events([text.utf8]) }

    /// Everything that a stream may have, each kind of line end among it.
    private static let sample =
        "\u{FEFF}: a comment\ndata: one\n\nevent: note\rdata: two\rdata:\rdata:  and a space\r\rid: 7\r\n"
        + "retry: 10\r\ndata:día 日本語 👩‍👩‍👧\r\n\r\n:\n\n\ndata\n\nevent: of nothing\n\n"
        + "dataset: no\n data: no\ndata: three: four\r\n\n\r:\rdata:\u{FEFF}five\n\rdata: last"
    private static let sampleEvents = [
        Event(data: "one"), Event(type: "note", data: "two\n\n and a space"), Event(data: "día 日本語 👩‍👩‍👧"), Event(),
        Event(data: "three: four"), Event(data: "\u{FEFF}five"), Event(data: "last"),
    ]

    @Test func `a stream that comes whole is understood`() throws {
        #expect(PlainEventStream(Array(Self.sample.utf8)).events == Self.sampleEvents)
        #expect(try events(Self.sample) == Self.sampleEvents)
    }

    @Test func `wherever a stream is cut in two or three, its events are the same`() throws {
        let bytes = Array(Self.sample.utf8)
        for first in 0...bytes.count {
            for second in [first, first + 1, first + 2, first + 7] where second <= bytes.count {
                let pieces = [bytes[..<first], bytes[first..<second], bytes[second...]]
                let found = try events(pieces)
                #expect(found == Self.sampleEvents, "cut at \(first) and \(second)")
            }
        }
    }

    @Test func `a stream may come byte by byte, with nothing between`() throws {
        #expect(try events(Self.sample.utf8.flatMap { [[$0], []] }) == Self.sampleEvents)
    }

    @Test func `any bytes in any pieces are what the standard says`() throws {
        var random = SeededGenerator(seed: 20)
        let words =
            [
                "data", "data:", "data: ", "event: ", "event:x", ":", " ", "\n", "\n", "\r", "\r\n", "\n\n", "\r\r",
                "\r\n\r\n",
                "\u{FEFF}", "é", "語", "id: 1", "retry:5", "{}", "a:b", "\u{0}",
            ].map { Array($0.utf8) } + [[0xFF], [0xEF], [0xEF, 0xBB]]
        for _ in 0..<5000 {
            let count = Int.random(in: 0...30, using: &random)
            let bytes = (0..<count).flatMap { _ in words.randomElement(using: &random)! }
            var pieces: [ArraySlice<UInt8>] = []
            var rest = bytes[...]
            while !rest.isEmpty {
                pieces.append(rest.prefix(Int.random(in: 0...9, using: &random)))
                rest = rest.dropFirst(pieces.last!.count)
            }
            let found = try events(pieces)
            #expect(found == PlainEventStream(bytes).events, "\(bytes) in \(pieces.map(\.count))")
        }
    }

    @Test func `an event is there until the next is asked for, and not before it is whole`() throws {
        var decoder = ServerSentEventDecoder()
        decoder.append(Array("data: one\n\ndata: two\n".utf8))
        #expect(try decoder.next())
        #expect(decoder.data == Array("one".utf8))
        #expect(try !decoder.next())
        decoder.append(Array("\n".utf8))
        #expect(try decoder.next())
        #expect(decoder.data == Array("two".utf8))
        #expect(try !decoder.next())
        #expect(try !decoder.finish())
    }

    @Test(arguments: [
        "data: last", "data: last\n", "data: last\r", "data: last\r\n", "data: last\n\n", "data: last\r\r",
    ])
    func `the empty line behind the last event may be missing`(text: String) throws {
        #expect(try events(text) == [Event(data: "last")])
    }

    @Test(arguments: ["", "\n", "\u{FEFF}", ": ping", "event: x", "id: 1\n", "date: x"])
    func `a stream may end without an event`(text: String) throws {
        #expect(try events(text) == [])
    }

    // MARK: Limits

    /// In pieces as a socket brings them.
    private func isRefused(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        let pieces = stride(from: 0, to: bytes.count, by: 16_384).map { bytes[$0..<min($0 + 16_384, bytes.count)] }
        return (try? events(pieces)) == nil
    }

    @Test func `an event of exactly the limit passes, and one byte more is refused`() throws {
        let data = String(repeating: "x", count: Self.limit)
        #expect(try events("data: \(data)\n\n") == [Event(data: data)])
        #expect(!isRefused("data: \(data)\r\n\r\n"))
        #expect(!isRefused("data:\(data)"))
        #expect(isRefused("data: \(data)x\n\n"))
        #expect(isRefused("data: \(data)x"))
    }

    @Test func `of many lines, all of an event counts, with the line feeds between them`() {
        let lines = String(repeating: "data: \(String(repeating: "x", count: 1023))\n", count: Self.limit / 1024)
        #expect(!isRefused(lines + "data:\n\n"))
        #expect(isRefused(lines + "data: y\n\n"))
        #expect(isRefused(lines + "data:\ndata:"))
        #expect(isRefused(String(repeating: "data\n", count: Self.limit + 2)))
    }

    @Test func `the limit is one event's, not the stream's`() throws {
        let event = "data: \(String(repeating: "x", count: Self.limit / 2))\n\n"
        #expect(!isRefused(String(repeating: event, count: 5)))
        #expect(!isRefused(String(repeating: ": a comment of forty characters, as it is\n", count: 60_000)))
    }

    @Test func `a line without an end is refused before it fills the memory`() throws {
        for start in ["data: ", ":", "event: ", ""] {
            var decoder = ServerSentEventDecoder()
            decoder.append(Array(start.utf8))
            let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 4096)
            let taken = (0..<1024).prefix { _ in
                decoder.append(piece)
                return (try? decoder.next()) != nil
            }
            #expect(taken.count * piece.count <= Self.limit + 4096, "\(start)")
        }
    }

    @Test func `what a large event has needed is not kept`() throws {
        func held(_ decoder: ServerSentEventDecoder) throws -> Int {
            let bytes = try #require(Mirror(reflecting: decoder).descendant("bytes") as? [UInt8])
            return bytes.capacity + decoder.data.capacity
        }
        var decoder = ServerSentEventDecoder()
        decoder.append(Array("data: \(String(repeating: "x", count: 500_000))\n\n".utf8))
        #expect(try decoder.next())
        #expect(try held(decoder) > 1_000_000)
        #expect(try !decoder.next())
        decoder.append(Array("data: small\n\n".utf8))
        #expect(try decoder.next())
        #expect(decoder.data == Array("small".utf8))
        #expect(try held(decoder) < 10_000)
    }
}
