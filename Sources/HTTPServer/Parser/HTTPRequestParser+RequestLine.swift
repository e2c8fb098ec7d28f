import Primitives

extension HTTPRequestParser {
    /// Reads `method SP request-target SP HTTP-version CRLF` (RFC 9112, section 3). False when bytes are missing.
    ///
    /// `origin` is what turns a place in `bytes` into a place in the head.
    mutating func readRequestLine(
        _ bytes: Span<UInt8>,
        _ offset: inout Int,
        origin: Int
    ) throws(HTTPParseError) -> Bool {
        while offset < bytes.count {
            switch step {
            case .method:
                try readMethod(bytes, &offset, origin: origin)
            case .target:
                try readTarget(bytes, &offset, origin: origin)
            case .version:
                try readVersion(bytes[offset], index: offset + origin - lines.targetEnd - 1)
                offset += 1
            case .requestLineReturn:
                guard bytes[offset] == carriageReturn else {
                    throw HTTPParseError(.badRequest, "The request line goes on after the HTTP version")
                }
                offset += 1
                step = .requestLineEnd
            default:
                guard bytes[offset] == lineFeed else {
                    throw HTTPParseError(.badRequest, "A carriage return without a line feed")
                }
                offset += 1
                lines.fieldsStart = offset + origin
                step = .fieldStart
                return true
            }
        }
        return false
    }

    private mutating func readMethod(
        _ bytes: Span<UInt8>,
        _ offset: inout Int,
        origin: Int
    ) throws(HTTPParseError) {
        let end = min(bytes.count, limits.method - origin)
        while offset < end, bytes[offset].isTokenCharacter { offset += 1 }
        guard offset < bytes.count else { return }
        let byte = bytes[offset]
        guard byte == space else {
            throw byte.isTokenCharacter
                ? HTTPParseError(.notImplemented, "The method is too long")
                : HTTPParseError(.badRequest, "The method has an invalid character")
        }
        guard offset + origin > 0 else { throw HTTPParseError(.badRequest, "The request line begins with a space") }
        lines.methodEnd = offset + origin
        offset += 1
        step = .target
    }

    private mutating func readTarget(
        _ bytes: Span<UInt8>,
        _ offset: inout Int,
        origin: Int
    ) throws(HTTPParseError) {
        let start = lines.methodEnd + 1
        let end = min(bytes.count, start + limits.target - origin)
        while offset < end, bytes[offset].isTargetCharacter { offset += 1 }
        guard offset < bytes.count else { return }
        switch bytes[offset] {
        case space where offset + origin == start:
            throw HTTPParseError(.badRequest, "The request line has an extra space")
        case space:
            lines.targetEnd = offset + origin
            offset += 1
            step = .version
        case carriageReturn, lineFeed:
            throw HTTPParseError(.badRequest, "The request line has no HTTP version")
        case let byte where byte.isTargetCharacter:
            throw HTTPParseError(.uriTooLong, "The request target is longer than \(limits.target) bytes")
        case UInt8(ascii: "#"):
            throw HTTPParseError(.badRequest, "The request target has a fragment")
        default:
            throw HTTPParseError(.badRequest, "The request target has an invalid character")
        }
    }

    /// Reads one byte of `HTTP/d.d`, whose letters are case-sensitive (RFC 9112, section 2.3).
    private mutating func readVersion(_ byte: UInt8, index: Int) throws(HTTPParseError) {
        let pattern: StaticString = "HTTP/0.0"
        if index == 5 || index == 7 {
            guard isDigit(byte) else { throw HTTPParseError(.badRequest, "The HTTP version is malformed") }
            let digit = byte - UInt8(ascii: "0")
            if index == 5 { lines.majorVersion = digit } else { lines.minorVersion = digit }
        } else if byte != pattern.utf8Start[index] {
            throw HTTPParseError(.badRequest, "The HTTP version is malformed")
        }
        if index == 7 { step = .requestLineReturn }
    }
}
