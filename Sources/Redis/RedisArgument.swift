import Primitives

/// A word of a command: any bytes.
package enum RedisArgument: Sendable, Equatable {
    case bytes([UInt8])
    /// As UTF-8.
    case text(String)
    /// In decimal.
    case integer(Int)

    /// At most how many bytes it takes in a command, its frame included.
    fileprivate var size: Int {
        let content =
            switch self {
            case .bytes(let bytes): bytes.count
            case .text(let text): text.utf8.count
            case .integer: 20
            }
        return content + Self.frameSize
    }

    /// `$`, a length, and two line ends.
    private static let frameSize = 25
    /// `*`, a count and a line end.
    fileprivate static let headSize = 23
}

extension RedisArgument: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
    package init(stringLiteral value: String) { self = .text(value) }
    package init(integerLiteral value: Int) { self = .integer(value) }
}

extension [RedisArgument] {
    /// At most how many bytes the command takes.
    var commandSize: Int { reduce(RedisArgument.headSize) { $0 + $1.size } }
}

extension [UInt8] {
    /// Appends a command as it goes over the wire: an array of strings.
    mutating func append(command: [RedisArgument]) {
        append(UInt8(ascii: "*"))
        append(decimal: command.count)
        append(ascii: "\r\n")
        for argument in command {
            switch argument {
            case .bytes(let bytes):
                appendFrame(bytes.count)
                append(contentsOf: bytes)
            case .text(let text):
                appendFrame(text.utf8.count)
                append(utf8: text)
            case .integer(let value):
                appendFrame(Self.decimalLength(value))
                append(decimal: value)
            }
            append(ascii: "\r\n")
        }
    }

    private mutating func appendFrame(_ length: Int) {
        append(UInt8(ascii: "$"))
        append(decimal: length)
        append(ascii: "\r\n")
    }

    private static func decimalLength(_ value: Int) -> Int {
        var (length, rest) = (value < 0 ? 2 : 1, value.magnitude / 10)
        while rest > 0 {
            length += 1
            rest /= 10
        }
        return length
    }
}
