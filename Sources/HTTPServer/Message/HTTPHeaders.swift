import Primitives

/// The header fields of a request: a view over the bytes as they came, already validated by the parser.
///
/// Nothing is copied into strings until somebody asks; a look-up walks the list, which is short.
package struct HTTPHeaders: Sendable {
    /// One field: where its name and its value, white space around it removed, lie in the head's bytes.
    struct Field: Sendable {
        var nameStart: UInt32
        var nameCount: UInt32
        var valueStart: UInt32
        var valueCount: UInt32
    }

    private let bytes: [UInt8]
    private let fields: [Field]

    init(bytes: [UInt8] = [], fields: [Field] = []) {
        self.bytes = bytes
        self.fields = fields
    }

    package var count: Int { fields.count }

    /// The value of the first field of that name (in lower case), or nil.
    package subscript(lowercasedName: StaticString) -> String? {
        fields.first { isNamed(lowercasedName, $0) }.map(value)
    }

    /// All values of that name (in lower case), in order.
    package func values(_ lowercasedName: StaticString) -> [String] {
        fields.filter { isNamed(lowercasedName, $0) }.map(value)
    }

    /// Whether a comma-separated field of that name (in lower case) holds `token`, in any case (RFC 9110, section 5.6.1).
    package func contains(_ lowercasedName: StaticString, token: String) -> Bool {
        values(lowercasedName).contains { value in
            value.split(separator: ",").contains { element in
                element.trimming { $0 == " " || $0 == "\t" }.lowercased() == token
            }
        }
    }

    private func value(_ field: Field) -> String {
        let start = Int(field.valueStart)
        return String(decoding: bytes[start..<start + Int(field.valueCount)], as: UTF8.self)
    }

    private func isNamed(_ name: StaticString, _ field: Field) -> Bool {
        guard Int(field.nameCount) == name.utf8CodeUnitCount else { return false }
        let start = Int(field.nameStart)
        for index in 0..<name.utf8CodeUnitCount where lowercased(bytes[start + index]) != name.utf8Start[index] {
            return false
        }
        return true
    }
}

/// The lower-case form of an ASCII letter, anything else as it is.
func lowercased(_ byte: UInt8) -> UInt8 {
    byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
}

extension StringProtocol {
    /// The text without the characters at both ends that `isTrimmed` picks.
    package func trimming(_ isTrimmed: (Character) -> Bool) -> Substring {
        var text = Substring(self)
        while let first = text.first, isTrimmed(first) { text.removeFirst() }
        while let last = text.last, isTrimmed(last) { text.removeLast() }
        return text
    }
}
