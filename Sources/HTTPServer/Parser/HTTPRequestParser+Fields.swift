extension HTTPRequestParser {
    /// Whose field lines are read: those of the head are kept, those of a trailer are only looked at.
    enum Section {
        case head, trailer
    }

    /// A field line in the making; places count from the start of its section.
    struct FieldLine: Sendable {
        /// The number of fields before this one in its section.
        var index = 0
        var start = 0
        /// Where the line ends at the latest.
        var limit = 0
        var nameEnd = 0
        var valueStart = 0
        /// The end of the value as far as it has come, white space after it left out.
        var valueEnd = 0
    }

    /// Reads field lines up to and including the empty line after them (RFC 9112, section 5). False when bytes are
    /// missing. `origin` is what turns a place in `bytes` into a place in the section.
    mutating func readFields(
        _ bytes: Span<UInt8>,
        _ offset: inout Int,
        origin: Int,
        in section: Section
    ) throws(HTTPParseError) -> Bool {
        while offset < bytes.count {
            switch step {
            case .fieldStart where bytes[offset] == carriageReturn:
                offset += 1
                step = .sectionEnd
            case .fieldStart:
                try startField(bytes[offset], at: offset + origin, in: section)
            case .fieldName:
                try readFieldName(bytes, &offset, origin: origin)
            case .fieldSpace:
                let end = min(bytes.count, field.limit - origin)
                while offset < end, bytes[offset].isSpaceOrTab { offset += 1 }
                guard offset < bytes.count else { return false }
                field.valueStart = offset + origin
                field.valueEnd = field.valueStart
                step = .fieldValue
            case .fieldValue:
                try readFieldValue(bytes, &offset, origin: origin, in: section)
            default:
                guard bytes[offset] == lineFeed else {
                    throw HTTPParseError(.badRequest, "A carriage return without a line feed")
                }
                offset += 1
                if step == .sectionEnd { return true }
                step = .fieldStart
            }
        }
        return false
    }

    private mutating func startField(
        _ byte: UInt8,
        at place: Int,
        in section: Section
    ) throws(HTTPParseError) {
        guard !byte.isSpaceOrTab else {
            throw HTTPParseError(.badRequest, "A header line begins with white space")
        }
        guard field.index < limits.headerCount else {
            throw HTTPParseError(.headerFieldsTooLarge, "More than \(limits.headerCount) header fields")
        }
        field.start = place
        // Both limits at once; the line's own end of two bytes counts to the section.
        field.limit =
            switch section {
            case .head: min(place + limits.headerLine, lines.fieldsStart + limits.headerBytes - 2)
            case .trailer: min(place + limits.headerLine, limits.trailerBytes - 2)
            }
        step = .fieldName
    }

    private mutating func readFieldName(
        _ bytes: Span<UInt8>,
        _ offset: inout Int,
        origin: Int
    ) throws(HTTPParseError) {
        let limit = field.limit - origin
        let end = min(bytes.count, limit)
        while offset < end, bytes[offset].isTokenCharacter { offset += 1 }
        guard offset < bytes.count else { return }
        guard offset < limit else { throw Self.fieldsTooLarge }
        switch bytes[offset] {
        case UInt8(ascii: ":") where offset + origin > field.start:
            field.nameEnd = offset + origin
            offset += 1
            step = .fieldSpace
        case UInt8(ascii: ":"):
            throw HTTPParseError(.badRequest, "A header field has no name")
        case space, tab:
            throw HTTPParseError(.badRequest, "A header field's name has white space after it")
        case carriageReturn, lineFeed:
            throw HTTPParseError(.badRequest, "A header line has no colon")
        default:
            throw HTTPParseError(.badRequest, "A header field's name has an invalid character")
        }
    }

    private mutating func readFieldValue(
        _ bytes: Span<UInt8>,
        _ offset: inout Int,
        origin: Int,
        in section: Section
    ) throws(HTTPParseError) {
        let start = offset
        let end = min(bytes.count, field.limit - origin)
        while offset < end, bytes[offset].isFieldValueCharacter { offset += 1 }
        var contentEnd = offset
        while contentEnd > start, bytes[contentEnd - 1].isSpaceOrTab { contentEnd -= 1 }
        if contentEnd > start { field.valueEnd = contentEnd + origin }
        guard offset < bytes.count else { return }
        switch bytes[offset] {
        case carriageReturn:
            if section == .head { lines.append(field) }
            field.index += 1
            offset += 1
            step = .fieldEnd
        case let byte where byte.isFieldValueCharacter:
            throw Self.fieldsTooLarge
        case lineFeed:
            throw HTTPParseError(.badRequest, "A line feed without a carriage return")
        default:
            throw HTTPParseError(.badRequest, "A header field's value has a control character")
        }
    }

    private static var fieldsTooLarge: HTTPParseError {
        HTTPParseError(.headerFieldsTooLarge, "The header fields are too large")
    }
}
