import Primitives

extension HTTPRequestParser {
    /// What is counted over the chunks of a body.
    struct ChunkCounts: Sendable {
        /// The digits of the current chunk's size so far.
        var digits = 0
        /// The current chunk's line so far, in bytes.
        var line = 0
        /// All extensions so far, in bytes.
        var extensions = 0
        /// All chunks whose size is known, in bytes.
        var body = 0
    }

    /// More digits cannot make a size that fits 64 bits; padding with zeros beyond that is an attack, not a client.
    private static let sizeDigits = 16

    /// Reads a chunked body (RFC 9112, section 7.1). No white space is taken around a chunk's size, and what an
    /// extension says is ignored as long as its characters are those of a field's value.
    mutating func readChunked(_ bytes: Span<UInt8>, _ offset: inout Int) throws(HTTPParseError) -> Event {
        while offset < bytes.count {
            switch step {
            case .chunkSize, .chunkExtension:
                try readChunkLine(bytes[offset])
                offset += 1
            case .chunkLineEnd:
                try expect(lineFeed, bytes[offset])
                offset += 1
                startChunk()
            case .chunkData:
                let range = take(bytes, &offset)
                if remaining == 0 { step = .chunkDataReturn }
                return .body(range)
            case .chunkDataReturn:
                guard bytes[offset] == carriageReturn else {
                    throw HTTPParseError(.badRequest, "A chunk is longer than its size")
                }
                offset += 1
                step = .chunkDataEnd
            case .chunkDataEnd:
                try expect(lineFeed, bytes[offset])
                offset += 1
                step = .chunkSize
            default:
                let start = offset
                defer { sectionCount += offset - start }
                if try readFields(bytes, &offset, origin: sectionCount - start, in: .trailer) { return .end }
            }
        }
        return .needsMore
    }

    private mutating func readChunkLine(_ byte: UInt8) throws(HTTPParseError) {
        switch (step, byte) {
        case (_, carriageReturn):
            try endChunkSize()
            step = .chunkLineEnd
            return
        case (.chunkSize, UInt8(ascii: ";")):
            try endChunkSize()
            step = .chunkExtension
            chunks.extensions += 1
        case (.chunkSize, _):
            guard let digit = hexadecimalDigit(byte) else {
                throw HTTPParseError(.badRequest, "A chunk's size has an invalid character")
            }
            guard chunks.digits < Self.sizeDigits else {
                throw HTTPParseError(.badRequest, "A chunk's size is too long")
            }
            chunks.digits += 1
            // Of a size beyond the limit only that it is so matters; this keeps it from overflowing.
            remaining = min(remaining, limits.body + 1) * 16 + Int(digit)
        default:
            guard byte.isFieldValueCharacter else {
                throw HTTPParseError(.badRequest, "A chunk's extension has a control character")
            }
            chunks.extensions += 1
        }
        chunks.line += 1
        guard chunks.line <= limits.chunkLine, chunks.extensions <= limits.chunkExtensionBytes else {
            throw HTTPParseError(.badRequest, "The chunk extensions are too large")
        }
    }

    private func endChunkSize() throws(HTTPParseError) {
        guard chunks.digits > 0 else { throw HTTPParseError(.badRequest, "A chunk has no size") }
        guard remaining <= limits.body - chunks.body else {
            throw HTTPParseError(.contentTooLarge, "The body is longer than \(limits.body) bytes")
        }
    }

    private mutating func startChunk() {
        step = remaining > 0 ? .chunkData : .fieldStart
        chunks.body += remaining
        chunks.digits = 0
        chunks.line = 0
    }

    private func expect(_ expected: UInt8, _ byte: UInt8) throws(HTTPParseError) {
        guard byte == expected else { throw HTTPParseError(.badRequest, "A carriage return without a line feed") }
    }
}
