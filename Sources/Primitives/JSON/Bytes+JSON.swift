extension [UInt8] {
    /// Appends `value` as compact JSON text.
    package mutating func append(json value: JSONValue) {
        switch value {
        case .null: append(ascii: "null")
        case .bool(let value): append(ascii: value ? "true" : "false")
        case .integer(let value): append(decimal: Int(value))
        case .double(let value): append(utf8: value.isFinite ? value.description : "null")
        case .string(let value): append(jsonString: value)
        case .array(let elements):
            append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { append(UInt8(ascii: ",")) }
                append(json: element)
            }
            append(UInt8(ascii: "]"))
        case .object(let object):
            append(UInt8(ascii: "{"))
            for (index, member) in object.members.enumerated() {
                if index > 0 { append(UInt8(ascii: ",")) }
                append(jsonString: member.key)
                append(UInt8(ascii: ":"))
                append(json: member.value)
            }
            append(UInt8(ascii: "}"))
        }
    }

    /// Appends `text` as a JSON string, quotes included.
    package mutating func append(jsonString text: String) {
        append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { append(jsonEscaping: $0) }
        append(UInt8(ascii: "\""))
    }

    /// Appends UTF-8 text as the inside of a JSON string (RFC 8259, section 7).
    ///
    /// Stretches without anything to escape, the usual case, are appended in one piece.
    package mutating func append(jsonEscaping text: some Collection<UInt8>) {
        let done: Void? = text.withContiguousStorageIfAvailable { append(jsonEscaping: $0) }
        if done == nil { Array(text).withUnsafeBufferPointer { append(jsonEscaping: $0) } }
    }

    private mutating func append(jsonEscaping text: UnsafeBufferPointer<UInt8>) {
        var start = 0
        var index = 0
        while index < text.count {
            if text.count - index >= 8,
                !mayNeedEscapes(UnsafeRawBufferPointer(text).loadUnaligned(fromByteOffset: index, as: UInt64.self))
            {
                index += 8
                continue
            }
            let end = Swift.min(text.count, index + 8)
            while index < end {
                if needsEscape(text[index]) {
                    append(contentsOf: UnsafeBufferPointer(rebasing: text[start..<index]))
                    append(escapeFor: text[index])
                    start = index + 1
                }
                index += 1
            }
        }
        append(contentsOf: UnsafeBufferPointer(rebasing: text[start...]))
    }

    private mutating func append(escapeFor byte: UInt8) {
        append(UInt8(ascii: "\\"))
        switch byte {
        case 0x08: append(UInt8(ascii: "b"))
        case 0x09: append(UInt8(ascii: "t"))
        case 0x0A: append(UInt8(ascii: "n"))
        case 0x0C: append(UInt8(ascii: "f"))
        case 0x0D: append(UInt8(ascii: "r"))
        case ..<0x20:
            append(ascii: "u00")
            append(hexadecimalDigit: byte >> 4)
            append(hexadecimalDigit: byte & 15)
        default: append(byte)
        }
    }
}

@inline(__always)
private func needsEscape(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
}

/// False only when none of eight bytes needs an escape: each is tested at its highest bit, in one word. A borrow from the
/// byte before can make it true without need.
@inline(__always)
private func mayNeedEscapes(_ bytes: UInt64) -> Bool {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let quotes = bytes ^ ones &* 0x22
    let backslashes = bytes ^ ones &* 0x5C
    let found = (bytes &- ones &* 0x20) & ~bytes | (quotes &- ones) & ~quotes | (backslashes &- ones) & ~backslashes
    return found & (ones &* 0x80) != 0
}
