import Primitives

/// The header fields of a request: a view over the bytes as they came, already validated by the parser.
///
/// Nothing is copied into strings until somebody asks; a look-up walks the list, which is short, and compares lengths
/// first. Bytes outside ASCII that are not UTF-8 come out as U+FFFD.
package struct HTTPHeaders: Sendable {
    /// One field: where its name and its value, white space around it removed, lie in the head's bytes.
    struct Field: Sendable {
        var nameStart: UInt32
        var nameCount: UInt32
        var valueStart: UInt32
        var valueCount: UInt32

        var name: Range<Int> { Int(nameStart)..<Int(nameStart) + Int(nameCount) }
        var value: Range<Int> { Int(valueStart)..<Int(valueStart) + Int(valueCount) }
    }

    private var bytes: [UInt8]
    private var fields: [Field]

    init(bytes: [UInt8] = [], fields: [Field] = []) {
        self.bytes = bytes
        self.fields = fields
    }

    package var count: Int { fields.count }

    /// Names as they came and values, in order.
    package var all: [(name: String, value: String)] {
        fields.map { (String(decoding: bytes[$0.name], as: UTF8.self), string($0)) }
    }

    /// The value of the first field of that name (in lower case), or nil.
    package subscript(lowercasedName: StaticString) -> String? {
        for field in fields where isNamed(lowercasedName, field) { return string(field) }
        return nil
    }

    /// All values of that name (in lower case), in order.
    package func values(_ lowercasedName: StaticString) -> [String] {
        fields.filter { isNamed(lowercasedName, $0) }.map(string)
    }

    /// How many fields have that name (in lower case).
    package func count(of lowercasedName: StaticString) -> Int {
        var count = 0
        for field in fields where isNamed(lowercasedName, field) { count += 1 }
        return count
    }

    /// Whether a comma-separated field of that name (in lower case) holds `token` (in lower case), in any case
    /// (RFC 9110, section 5.6.1).
    package func contains(_ lowercasedName: StaticString, token: StaticString) -> Bool {
        var isFound = false
        forEachElement(of: lowercasedName) { isFound = isFound || matches(token, $0) }
        return isFound
    }

    /// The elements of the comma-separated fields of that name (in lower case), in ASCII lower case, empty ones included.
    func elements(of lowercasedName: StaticString) -> [[UInt8]] {
        var elements: [[UInt8]] = []
        forEachElement(of: lowercasedName) { elements.append(bytes[$0].map(lowercased)) }
        return elements
    }

    private func forEachElement(of lowercasedName: StaticString, _ body: (Range<Int>) -> Void) {
        for field in fields where isNamed(lowercasedName, field) {
            var start = field.value.lowerBound
            while start <= field.value.upperBound {
                let rest = bytes[start..<field.value.upperBound]
                let comma = rest.firstIndex(of: UInt8(ascii: ",")) ?? rest.endIndex
                var end = comma
                while start < end, bytes[start].isSpaceOrTab { start += 1 }
                while start < end, bytes[end - 1].isSpaceOrTab { end -= 1 }
                body(start..<end)
                start = comma + 1
            }
        }
    }

    /// The bytes of the value of the first field of that name (in lower case), or nil.
    func bytes(of lowercasedName: StaticString) -> ArraySlice<UInt8>? {
        for field in fields where isNamed(lowercasedName, field) { return bytes[field.value] }
        return nil
    }

    /// Has `Host` say what the target in absolute form says, which lies at `authority` (RFC 9112, section 3.2.2).
    mutating func overrideHost(with authority: Range<Int>) {
        let index = fields.firstIndex { isNamed("host", $0) } ?? fields.endIndex
        if index == fields.endIndex {
            fields.append(Field(nameStart: UInt32(bytes.count), nameCount: 4, valueStart: 0, valueCount: 0))
            bytes.append(contentsOf: "host".utf8)
        }
        fields[index].valueStart = UInt32(authority.lowerBound)
        fields[index].valueCount = UInt32(authority.count)
    }

    private func string(_ field: Field) -> String {
        String(decoding: bytes[field.value], as: UTF8.self)
    }

    private func isNamed(_ name: StaticString, _ field: Field) -> Bool {
        Int(field.nameCount) == name.utf8CodeUnitCount && matches(name, field.name)
    }

    /// Whether the bytes in `range` are `text`, which is in lower case, in any case.
    private func matches(_ text: StaticString, _ range: Range<Int>) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        for index in 0..<range.count where lowercased(bytes[range.lowerBound + index]) != text.utf8Start[index] {
            return false
        }
        return true
    }
}

/// The lower-case form of an ASCII letter, anything else as it is.
@inline(__always)
func lowercased(_ byte: UInt8) -> UInt8 {
    byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
}
