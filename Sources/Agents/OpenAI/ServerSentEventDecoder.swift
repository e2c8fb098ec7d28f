import Primitives

/// Takes the events out of an event stream (WHATWG HTML, section 9.2.6), which may come in pieces of any size: lines that end in CR, LF
/// or CRLF, a byte order mark, comments, data of several lines. What an event's `id` and `retry` say is of no use here.
struct ServerSentEventDecoder {
    /// The stream has an event that is larger than one may be.
    struct TooLarge: Error {}

    /// The largest event, in bytes of its data and of a line.
    static let eventLimit = 1 << 20

    /// The data of the event that `next` has found, in UTF-8.
    private(set) var data: [UInt8] = []
    /// Its type; empty for the usual one.
    private(set) var type: [UInt8] = []

    /// What has come and is not taken yet, from `start` on; up to `scanned` there is no end of a line in it.
    private var bytes: [UInt8] = []
    private var start = 0
    private var scanned = 0
    /// A line feed belongs to the line end before it.
    private var skipsLineFeed = false
    private var isAtBeginning = true
    /// Whether `data` is of an event that is still to be found whole.
    private var isInEvent = false
    private var hasData = false

    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
    /// Buffers are not kept when a large event has made them larger than that.
    private static let keptCapacity = 4096

    mutating func append(_ piece: [UInt8]) {
        if start == bytes.count {
            bytes.removeAll(keepingCapacity: bytes.capacity <= Self.keptCapacity)
            (start, scanned) = (0, 0)
        }
        bytes.append(contentsOf: piece)
    }

    /// Finds the next event, whose `data` and `type` are there until the next call.
    ///
    /// - Returns: false when it has not come whole yet.
    mutating func next() throws(TooLarge) -> Bool {
        if !isInEvent { beginEvent() }
        if isAtBeginning, !skipByteOrderMark() { return false }
        while let line = nextLine() {
            guard line.isEmpty else {
                take(line)
                guard data.count <= Self.eventLimit else { throw TooLarge() }
                continue
            }
            if hasData {
                isInEvent = false
                return true
            }
            // Without data it is none.
            type.removeAll(keepingCapacity: true)
        }
        guard bytes.count - start <= Self.eventLimit + 16 else { throw TooLarge() }
        dropTaken()
        return false
    }

    /// The stream has ended. What it has of a last event counts, though the empty line behind it is missing: some servers leave it out.
    ///
    /// - Returns: whether there is one.
    mutating func finish() throws(TooLarge) -> Bool {
        append([0x0A, 0x0A])
        return try next()
    }

    private mutating func beginEvent() {
        data.removeAll(keepingCapacity: data.capacity <= Self.keptCapacity)
        type.removeAll(keepingCapacity: true)
        hasData = false
        isInEvent = true
    }

    /// - Returns: false when it cannot be told yet whether there is one.
    private mutating func skipByteOrderMark() -> Bool {
        let head = bytes[start...].prefix(3)
        guard head.elementsEqual(Self.byteOrderMark.prefix(head.count)) else {
            isAtBeginning = false
            return true
        }
        guard head.count == 3 else { return false }
        start += 3
        scanned = start
        isAtBeginning = false
        return true
    }

    /// The range of the next whole line, without its end.
    private mutating func nextLine() -> Range<Int>? {
        if skipsLineFeed, start < bytes.count {
            if bytes[start] == 0x0A { start += 1 }
            skipsLineFeed = false
        }
        var index = max(start, scanned)
        while index < bytes.count, bytes[index] != 0x0A, bytes[index] != 0x0D { index += 1 }
        scanned = index
        guard index < bytes.count else { return nil }
        let line = start..<index
        skipsLineFeed = bytes[index] == 0x0D
        start = index + 1
        scanned = start
        return line
    }

    private mutating func take(_ line: Range<Int>) {
        var colon = line.lowerBound
        while colon < line.upperBound, bytes[colon] != UInt8(ascii: ":") { colon += 1 }
        var value = min(colon + 1, line.upperBound)
        if value < line.upperBound, bytes[value] == 0x20 { value += 1 }
        switch bytes[line.lowerBound..<colon] {
        case "data":
            if hasData { data.append(0x0A) }
            data.append(contentsOf: bytes[value..<line.upperBound])
            hasData = true
        case "event": type = Array(bytes[value..<line.upperBound])
        // No name makes a comment; others are not known.
        default: break
        }
    }

    private mutating func dropTaken() {
        guard start > 0, start < bytes.count else { return }
        bytes.removeSubrange(..<start)
        scanned -= start
        start = 0
    }
}

extension ArraySlice<UInt8> {
    /// Whether the bytes are those of `text`.
    fileprivate static func ~= (text: StaticString, bytes: Self) -> Bool {
        guard bytes.count == text.utf8CodeUnitCount else { return false }
        for index in 0..<bytes.count where bytes[bytes.startIndex + index] != text.utf8Start[index] { return false }
        return true
    }
}
