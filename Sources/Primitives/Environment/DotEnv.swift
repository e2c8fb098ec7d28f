/// The variables of a `.env` file.
///
/// A line is empty, a comment after `#`, or `NAME=value`, with or without `export` before it. A value may stand in single
/// quotes (taken as it is) or double quotes (with `\n`, `\r`, `\t`, `\"`, `\\` and `\$`); without quotes it ends at ` #`
/// or at the line's end, white space around it aside. Nothing is expanded, and a value ends on its line. Of a name that
/// comes several times, the last value counts.
package struct DotEnv: Equatable {
    package struct Entry: Equatable {
        package var value: String
        /// Counted from 1.
        package var line: Int
    }

    package struct Fault: Equatable {
        package var line: Int
        package var reason: String
    }

    package private(set) var entries: [String: Entry] = [:]
    package private(set) var faults: [Fault] = []

    package init() {}

    package init(_ bytes: [UInt8]) {
        let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let bytes = bytes.starts(with: byteOrderMark) ? bytes[3...] : bytes[...]
        for (index, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            var line = line
            if line.last == 0x0D { line.removeLast() }
            do throws(Malformed) {
                guard let (name, value) = try Self.parse(line) else { continue }
                entries[name] = Entry(value: value, line: index + 1)
            } catch {
                faults.append(Fault(line: index + 1, reason: error.reason))
            }
        }
    }

    private struct Malformed: Error {
        var reason: String
    }

    private static func parse(_ line: ArraySlice<UInt8>) throws(Malformed) -> (name: String, value: String)? {
        guard let text = String(validating: line, as: UTF8.self) else { throw Malformed(reason: "is not UTF-8") }
        guard !text.utf8.contains(0) else { throw Malformed(reason: "has a zero byte") }
        var rest = text.trimmingSpaces[...]
        guard !rest.isEmpty, !rest.hasPrefix("#") else { return nil }
        if rest.hasPrefix("export "), !rest.dropFirst(7).trimmingSpaces.hasPrefix("=") {
            rest = rest.dropFirst(7).trimmingSpaces[...]
        }
        guard let sign = rest.utf8.firstIndex(of: UInt8(ascii: "=")) else { throw Malformed(reason: "has no '='") }
        let name = rest[..<sign].trimmingSpaces
        guard isName(name) else {
            throw Malformed(reason: "has no name of letters, digits and '_' before the '='")
        }
        return (name, try value(rest[rest.utf8.index(after: sign)...]))
    }

    private static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, !isDigit(first) else { return false }
        return text.utf8.allSatisfy { byte in
            isDigit(byte) || byte == UInt8(ascii: "_") || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
        }
    }

    private static func value(_ text: Substring) throws(Malformed) -> String {
        var rest = text.trimmingSpaces.unicodeScalars[...]
        guard let quote = rest.popFirst(), quote == "'" || quote == "\"" else { return unquoted(text) }
        var value = String.UnicodeScalarView()
        while let scalar = rest.popFirst() {
            if scalar == quote {
                let tail = String(rest).trimmingSpaces
                guard tail.isEmpty || tail.hasPrefix("#") else {
                    throw Malformed(reason: "goes on after the quoted value")
                }
                return String(value)
            }
            let isEscape = scalar == "\\" && quote == "\""
            value.append(isEscape ? try unescaped(rest.popFirst()) : scalar)
        }
        throw Malformed(reason: "has a quote that is not closed on the same line")
    }

    private static func unescaped(_ scalar: Unicode.Scalar?) throws(Malformed) -> Unicode.Scalar {
        switch scalar {
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case let scalar? where scalar == "\"" || scalar == "\\" || scalar == "$": return scalar
        default:
            throw Malformed(reason: "has an unknown escape: in double quotes, a backslash is written '\\\\'")
        }
    }

    private static func unquoted(_ text: Substring) -> String {
        let isSpace = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
        let comment = zip(text.utf8.indices, text.utf8.indices.dropFirst()).first { space, sign in
            isSpace(text.utf8[space]) && text.utf8[sign] == UInt8(ascii: "#")
        }
        return text[..<(comment?.0 ?? text.endIndex)].trimmingSpaces
    }
}

extension StringProtocol {
    /// Without the spaces and tabs at both ends.
    package var trimmingSpaces: String {
        let isSpace = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
        let bytes = Array(utf8).drop(while: isSpace)
        let length = bytes.count - bytes.reversed().prefix(while: isSpace).count
        return String(decoding: bytes.prefix(length), as: UTF8.self)
    }
}
