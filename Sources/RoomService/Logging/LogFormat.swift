import Primitives

/// How an event is written as a line.
enum LogFormat: Sendable, CaseIterable {
    /// `{"time":"…Z","level":"info","message":"…","room_id":"…"}`
    case json
    /// `…Z info message room_id=… text="with spaces"`
    case text
    /// The same, with a terminal's colours (ECMA-48, SGR).
    case colouredText

    /// Appends one line, with its end. Nothing in an event can end the line or move a terminal's cursor.
    func append(_ event: LogEvent, to line: inout [UInt8]) {
        switch self {
        case .json: Self.appendJSON(event, to: &line)
        case .text: Self.appendText(event, isColoured: false, to: &line)
        case .colouredText: Self.appendText(event, isColoured: true, to: &line)
        }
        line.append(UInt8(ascii: "\n"))
    }

    private static func appendJSON(_ event: LogEvent, to line: inout [UInt8]) {
        line.append(ascii: "{\"time\":\"")
        line.append(iso8601: event.time)
        line.append(ascii: "\",\"level\":\"")
        line.append(ascii: event.level.name)
        line.append(ascii: "\",\"message\":\"")
        line.append(logEscaping: event.message)
        line.append(ascii: "\"")
        for (name, value) in event.fields.members {
            line.append(ascii: ",\"")
            line.append(ascii: name)
            line.append(ascii: "\":")
            switch value {
            case .string(let text):
                line.append(ascii: "\"")
                line.append(logEscaping: text)
                line.append(ascii: "\"")
            case .double(let number): line.append(json: .double(number))
            case .integer, .bool, .milliseconds: append(value, to: &line)
            }
        }
        line.append(ascii: "}")
    }

    private static func appendText(_ event: LogEvent, isColoured: Bool, to line: inout [UInt8]) {
        func mark(_ code: StaticString) { if isColoured { line.append(ascii: code) } }
        mark(dim)
        line.append(iso8601: event.time)
        mark(plain)
        line.append(ascii: " ")
        mark(event.level.colour)
        line.append(ascii: event.level.name)
        mark(plain)
        line.append(ascii: " ")
        line.append(logEscaping: event.message)
        for (name, value) in event.fields.members {
            line.append(ascii: " ")
            mark(dim)
            line.append(ascii: name)
            line.append(ascii: "=")
            mark(plain)
            switch value {
            case .string(let text):
                let isBare = !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x22 && $0 != 0x3D }
                if !isBare { line.append(ascii: "\"") }
                line.append(logEscaping: text)
                if !isBare { line.append(ascii: "\"") }
            case .double(let number): line.append(utf8: number.description)
            case .integer, .bool, .milliseconds: append(value, to: &line)
            }
        }
    }

    private static let dim: StaticString = "\u{1B}[2m"
    private static let plain: StaticString = "\u{1B}[0m"

    /// A value that both formats write in the same way.
    private static func append(_ value: LogValue, to line: inout [UInt8]) {
        switch value {
        case .integer(let number): line.append(decimal: number)
        case .bool(let bool): line.append(ascii: bool ? "true" : "false")
        case .milliseconds(let nanoseconds):
            let microseconds = Int(max(0, nanoseconds)) / 1000
            line.append(decimal: microseconds / 1000)
            line.append(UInt8(ascii: "."))
            line.append(decimal: microseconds % 1000, width: 3)
        case .string, .double: break
        }
    }
}

extension [UInt8] {
    /// What is longer, in bytes of UTF-8, is cut, and ends with `…`.
    private static var logLimit: Int { 1024 }

    /// Appends `text`, or its beginning, as the inside of a JSON string that shows every control character as an escape.
    ///
    /// JSON asks that of those below U+0020 alone. Beyond them, U+007F to U+009F can steer a terminal, U+2028 and U+2029
    /// end a line for some readers, and the bidirectional controls change the order in which a line is read.
    mutating func append(logEscaping text: String) {
        guard text.utf8.count <= Self.logLimit else { return append(logEscapingCut: text) }
        guard text.utf8.contains(where: { $0 >= 0x7F }) else {
            var text = text
            text.withUTF8 { append(jsonEscaping: $0) }
            return
        }
        for scalar in text.unicodeScalars {
            if scalar.isHidden {
                append(ascii: "\\u")
                for shift in [12, 8, 4, 0] { append(hexadecimalDigit: UInt8(scalar.value >> UInt32(shift) & 15)) }
            } else if scalar.isASCII {
                append(jsonEscaping: CollectionOfOne(UInt8(scalar.value)))
            } else {
                for byte in UTF8.encode(scalar).unsafelyUnwrapped { append(byte) }
            }
        }
    }

    private mutating func append(logEscapingCut text: String) {
        var beginning = Array(text.utf8.prefix(Self.logLimit))
        // The first byte that is left out may be in the middle of a character.
        if text.utf8[text.utf8.index(text.startIndex, offsetBy: Self.logLimit)] & 0xC0 == 0x80 {
            while let last = beginning.popLast(), last & 0xC0 == 0x80 {}
        }
        append(logEscaping: String(decoding: beginning, as: UTF8.self))
        append(utf8: "…")
    }
}

extension Unicode.Scalar {
    /// Whether it is not seen itself, but in what it does to what is around it. All of these are below U+10000.
    fileprivate var isHidden: Bool {
        switch value {
        case 0x7F...0x9F, 0xAD, 0x061C, 0x180E, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF,
            0xFFF9...0xFFFB:
            true
        default: false
        }
    }
}

extension Logger.Level {
    var name: StaticString {
        switch self {
        case .trace: "trace"
        case .debug: "debug"
        case .info: "info"
        case .warning: "warning"
        case .error: "error"
        }
    }

    fileprivate var colour: StaticString {
        switch self {
        case .trace, .debug: "\u{1B}[2m"
        case .info: "\u{1B}[32m"
        case .warning: "\u{1B}[33m"
        case .error: "\u{1B}[1;31m"
        }
    }
}
