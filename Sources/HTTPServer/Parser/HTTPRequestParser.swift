/// Reads HTTP/1.1 requests from bytes that arrive in pieces of any size (RFC 9112).
///
/// A state machine without I/O: the same bytes give the same events and the same error however they are split. It is
/// strict where two readers of a message could disagree on its end; such a message gets an error, never a guess.
/// Between requests and inside a body it holds no memory of its own but the struct.
///
/// A body comes out without its framing; trailer fields are validated like header fields, and dropped.
package struct HTTPRequestParser: Sendable {
    package enum Event: Sendable {
        /// All given bytes are consumed.
        case needsMore
        /// A request line and its header fields are complete; no byte of the body is consumed yet.
        case head(HTTPRequestHead)
        /// Decoded body bytes, never empty: where they lie in the bytes just given.
        case body(Range<Int>)
        /// The request is complete.
        case end
    }

    private enum Phase: Sendable {
        case idle, head, content, chunked
    }

    /// What is expected next within the phase.
    enum Step: Sendable {
        case start, emptyLineEnd, firstByte
        case method, target, version, requestLineReturn, requestLineEnd
        case fieldStart, fieldName, fieldSpace, fieldValue, fieldEnd, sectionEnd
        case chunkSize, chunkExtension, chunkLineEnd, chunkData, chunkDataReturn, chunkDataEnd
    }

    let limits: HTTPLimits
    private var phase = Phase.idle
    var step = Step.start
    /// The head as far as it has come.
    var lines = HTTPHeadLines()
    /// The field line that is being read.
    var field = FieldLine()
    /// What the current section of lines (the head or the trailer) had in bytes before this call.
    var sectionCount = 0
    /// The bytes of the body or of the chunk still to come.
    var remaining = 0
    var chunks = ChunkCounts()
    private var failure: HTTPParseError?

    package init(limits: HTTPLimits) {
        // Places in the head are kept in 32 bits, and a chunk's size is counted up to 16 times the body's limit.
        precondition(limits.method + limits.target + limits.headerBytes < 1 << 30 && limits.body < 1 << 56)
        self.limits = limits
    }

    /// Whether nothing of a next request has come, an empty line before it aside (RFC 9112, section 2.2).
    package var isIdle: Bool { phase == .idle }

    /// Whether not even a part of an empty line has come: another parser would do as well.
    var isFresh: Bool { phase == .idle && step == .start && failure == nil }

    /// After an error in the header fields: the head as far as it was understood, so that the error's response can
    /// follow its path and its fields. Its framing says nothing. Nil when not even the request line was good.
    package var refusedHead: HTTPRequestHead? {
        failure == nil || phase != .head ? nil : lines.refused
    }

    /// Consumes from `bytes[offset...]`, moves `offset` on, and returns the next event. To be called until it returns
    /// `.needsMore`, as `.end` can follow without a further byte.
    ///
    /// After an error the parser is dead: each further call throws the same error.
    package mutating func next(
        _ bytes: Span<UInt8>,
        from offset: inout Int
    ) throws(HTTPParseError) -> Event {
        if let failure { throw failure }
        do {
            return try read(bytes, &offset)
        } catch {
            failure = error
            throw error
        }
    }

    private mutating func read(_ bytes: Span<UInt8>, _ offset: inout Int) throws(HTTPParseError) -> Event {
        switch phase {
        case .idle:
            guard try skipEmptyLine(bytes, &offset) else { return .needsMore }
            phase = .head
            step = .method
            return try readHead(bytes, &offset)
        case .head:
            return try readHead(bytes, &offset)
        case .content:
            return readContent(bytes, &offset)
        case .chunked:
            let event = try readChunked(bytes, &offset)
            if case .end = event { becomeIdle() }
            return event
        }
    }

    /// Skips the one empty line that may precede a request line. False when no byte is left.
    private mutating func skipEmptyLine(_ bytes: Span<UInt8>, _ offset: inout Int) throws(HTTPParseError) -> Bool {
        while offset < bytes.count {
            switch (step, bytes[offset]) {
            case (.start, carriageReturn): step = .emptyLineEnd
            case (.emptyLineEnd, lineFeed): step = .firstByte
            case (.emptyLineEnd, _): throw HTTPParseError(.badRequest, "A carriage return without a line feed")
            case (_, carriageReturn), (_, lineFeed): throw HTTPParseError(.badRequest, "The request line is empty")
            default: return true
            }
            offset += 1
        }
        return false
    }

    private mutating func readHead(_ bytes: Span<UInt8>, _ offset: inout Int) throws(HTTPParseError) -> Event {
        guard try readHeadLines(bytes, &offset) else { return .needsMore }
        let head = try lines.head(bodyLimit: limits.body)
        // Not emptied in place: the head owns the buffers from here on.
        lines = HTTPHeadLines()
        startSection()
        switch head.framing {
        case .none:
            phase = .content
            remaining = 0
        case .length(let count):
            phase = .content
            remaining = count
        case .chunked:
            phase = .chunked
            step = .chunkSize
            chunks = ChunkCounts()
        }
        return .head(head)
    }

    /// Whether the head is complete. What was consumed is kept even when an error ends it.
    private mutating func readHeadLines(_ bytes: Span<UInt8>, _ offset: inout Int) throws(HTTPParseError) -> Bool {
        let start = offset
        defer {
            sectionCount += offset - start
            lines.append(bytes.extracting(start..<offset))
        }
        let origin = sectionCount - start
        if lines.fieldsStart == 0 {
            guard try readRequestLine(bytes, &offset, origin: origin) else { return false }
        }
        return try readFields(bytes, &offset, origin: origin, in: .head)
    }

    private mutating func readContent(_ bytes: Span<UInt8>, _ offset: inout Int) -> Event {
        guard remaining > 0 else {
            becomeIdle()
            return .end
        }
        guard offset < bytes.count else { return .needsMore }
        return .body(take(bytes, &offset))
    }

    /// As much of the body or the chunk as has come.
    mutating func take(_ bytes: Span<UInt8>, _ offset: inout Int) -> Range<Int> {
        let start = offset
        offset += min(remaining, bytes.count - offset)
        remaining -= offset - start
        return start..<offset
    }

    private mutating func becomeIdle() {
        phase = .idle
        step = .start
        startSection()
    }

    private mutating func startSection() {
        sectionCount = 0
        field.index = 0
    }
}
