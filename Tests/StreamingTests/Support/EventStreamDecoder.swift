import Glibc

/// What a client sees of an event stream: decoded by the standards alone, without any of the code that encodes.
struct EventStream: Equatable {
    struct Event: Equatable {
        var id: String?
        var data: String
    }

    struct Malformed: Error {
        var reason: String
        init(_ reason: String) { self.reason = reason }
    }

    var events: [Event] = []
    var comments = 0
    var retry: Int?

    var data: [String] { events.map(\.data) }

    /// Reads an event stream (WHATWG HTML, section 9.2.6) that ends behind an event or a comment.
    init(_ bytes: [UInt8]) throws {
        guard bytes.last == 0x0A else { throw Malformed("the stream ends within a line") }
        var event: (id: String?, data: [String]) = (nil, [])
        for line in try Self.lines(bytes) {
            if line.isEmpty {
                if !event.data.isEmpty {
                    events.append(Event(id: event.id, data: event.data.joined(separator: "\n")))
                }
                event = (nil, [])
            } else if line.hasPrefix(":") {
                comments += 1
            } else if line.hasPrefix("id: ") {
                event.id = String(line.dropFirst(4))
            } else if line.hasPrefix("data: ") {
                event.data.append(String(line.dropFirst(6)))
            } else if line.hasPrefix("retry: "), let value = Int(line.dropFirst(7)) {
                retry = value
            } else {
                throw Malformed("a line that nothing should write: \(line)")
            }
        }
        guard event.data.isEmpty else { throw Malformed("the stream ends within an event") }
    }

    private static func lines(_ bytes: [UInt8]) throws -> [String] {
        var lines: [String] = []
        try bytes.withUnsafeBytes { bytes in
            var place = 0
            while place < bytes.count, let end = memchr(bytes.baseAddress! + place, 0x0A, bytes.count - place) {
                let lineEnd = UnsafeRawPointer(end) - bytes.baseAddress!
                guard let line = String(validating: bytes[place..<lineEnd], as: UTF8.self) else {
                    throw Malformed("not UTF-8")
                }
                lines.append(line)
                place = lineEnd + 1
            }
        }
        return lines
    }
}

/// A chunked body (RFC 9112, section 7.1), as far as it has come.
struct ChunkedBody {
    var chunks: [[UInt8]] = []
    /// Whether the last chunk was there.
    var isComplete = false
    /// What lies behind the last whole chunk.
    var rest: [UInt8] = []

    var content: [UInt8] { Array(chunks.joined()) }

    init(_ bytes: [UInt8]) throws {
        var place = 0
        // A size line is short: what is longer is none.
        while let lineEnd = bytes[place..<min(place + 20, bytes.count)].firstIndex(of: 0x0A) {
            guard lineEnd > place, bytes[lineEnd - 1] == 0x0D,
                let size = Int(String(decoding: bytes[place..<lineEnd - 1], as: UTF8.self), radix: 16)
            else { throw EventStream.Malformed("a bad chunk size at \(place)") }
            let start = lineEnd + 1
            guard bytes.count >= start + size + 2 else { break }
            guard bytes[start + size] == 0x0D, bytes[start + size + 1] == 0x0A else {
                throw EventStream.Malformed("no CRLF behind the chunk at \(place)")
            }
            place = start + size + 2
            if size == 0 {
                isComplete = true
                break
            }
            chunks.append(Array(bytes[start..<start + size]))
        }
        rest = Array(bytes[place...])
    }
}
