import Primitives

/// How an event is written as a line.
enum LogFormat: String, Sendable, CaseIterable {
    /// `{"time":"…Z","level":"info","message":"…","room.id":"…"}`
    case json
    /// `…Z info message room.id=… text="with spaces"`
    case text

    /// Appends one line, without its end. Nothing in an event can end the line or move a terminal's cursor.
    func append(_ event: LogEvent, to line: inout [UInt8]) {
        switch self {
        case .json: Self.appendJSON(event, to: &line)
        case .text: Self.appendText(event, to: &line)
        }
    }

    private static func appendJSON(_ event: LogEvent, to line: inout [UInt8]) {
        line.append(ascii: "{\"time\":\"")
        line.append(iso8601: event.time)
        line.append(ascii: "\",\"level\":\"")
        line.append(utf8: event.level.rawValue)
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
            case .integer(let number): line.append(decimal: number)
            case .double(let number): line.append(json: .double(number))
            case .bool(let bool): line.append(ascii: bool ? "true" : "false")
            }
        }
        line.append(ascii: "}")
    }

    private static func appendText(_ event: LogEvent, to line: inout [UInt8]) {
        line.append(iso8601: event.time)
        line.append(ascii: " ")
        line.append(utf8: event.level.rawValue)
        line.append(ascii: " ")
        line.append(logEscaping: event.message)
        for (name, value) in event.fields.members {
            line.append(ascii: " ")
            line.append(ascii: name)
            line.append(ascii: "=")
            switch value {
            case .string(let text):
                let isBare = !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x22 && $0 != 0x3D }
                if !isBare { line.append(ascii: "\"") }
                line.append(logEscaping: text)
                if !isBare { line.append(ascii: "\"") }
            case .integer(let number): line.append(decimal: number)
            case .double(let number): line.append(utf8: number.description)
            case .bool(let bool): line.append(ascii: bool ? "true" : "false")
            }
        }
    }
}

extension [UInt8] {
    /// Appends `text` as the inside of a JSON string that shows every control character as an escape.
    ///
    /// JSON asks that of those below U+0020 alone. Beyond them, U+007F to U+009F can steer a terminal, U+2028 and U+2029
    /// end a line for some readers, and the bidirectional controls change the order in which a line is read.
    mutating func append(logEscaping text: String) {
        guard text.utf8.contains(where: { $0 >= 0x7F }) else {
            append(jsonEscaping: text.utf8)
            return
        }
        var plain = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            guard scalar.isHidden else {
                plain.append(scalar)
                continue
            }
            append(jsonEscaping: String(plain).utf8)
            plain.removeAll(keepingCapacity: true)
            append(ascii: "\\u")
            for shift in [12, 8, 4, 0] { append(hexadecimalDigit: UInt8(scalar.value >> UInt32(shift) & 15)) }
        }
        append(jsonEscaping: String(plain).utf8)
    }
}

extension Unicode.Scalar {
    fileprivate var isHidden: Bool {
        switch value {
        case 0x7F...0x9F, 0x061C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}
