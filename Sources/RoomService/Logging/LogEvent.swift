import Primitives

/// What one line tells.
struct LogEvent: Sendable {
    var time: Timestamp
    var level: Logger.Level
    var message: String
    var fields: LogFields
}

/// The named values of an event, in order: `["room.id": .string(id), "rooms": 3]`.
struct LogFields: Sendable, ExpressibleByDictionaryLiteral {
    var members: [(name: StaticString, value: LogValue)]

    init(dictionaryLiteral elements: (StaticString, LogValue)...) {
        members = elements.map { (name: $0.0, value: $0.1) }
    }
}

/// A value in a log line.
enum LogValue: Sendable, Equatable, ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral
{
    case string(String)
    case integer(Int)
    case double(Double)
    case bool(Bool)

    init(stringLiteral value: String) { self = .string(value) }
    init(integerLiteral value: Int) { self = .integer(value) }
    init(floatLiteral value: Double) { self = .double(value) }
    init(booleanLiteral value: Bool) { self = .bool(value) }

    /// An error as it describes itself: for the operator's eyes.
    static func error(_ error: any Error) -> LogValue { .string("\(error)") }
}
