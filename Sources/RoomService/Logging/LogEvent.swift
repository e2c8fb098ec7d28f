import Primitives

/// What one line tells.
struct LogEvent: Sendable {
    var time: Timestamp
    var level: Logger.Level
    /// A fixed text: what varies is in the fields.
    var message: String
    var fields: LogFields
}

/// The named values of an event, in order: `["room_id": .string(id), "rooms": 3]`.
struct LogFields: Sendable, ExpressibleByDictionaryLiteral {
    private(set) var members: [(StaticString, LogValue)]

    init(dictionaryLiteral elements: (StaticString, LogValue)...) {
        members = elements
    }

    /// Makes room for so many.
    init(capacity: Int) {
        members = []
        members.reserveCapacity(capacity)
    }

    mutating func add(_ name: StaticString, _ value: LogValue) {
        members.append((name, value))
    }

    /// Adds nothing for nil.
    mutating func add(_ name: StaticString, _ value: String?) {
        if let value { members.append((name, .string(value))) }
    }

    mutating func add(_ name: StaticString, _ value: Int?) {
        if let value { members.append((name, .integer(value))) }
    }

    /// Adds a time in milliseconds, with three decimals.
    mutating func add(_ name: StaticString, nanoseconds: Int64?) {
        if let nanoseconds { members.append((name, .milliseconds(nanoseconds: nanoseconds))) }
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
    /// A time, which is written in milliseconds with three decimals.
    case milliseconds(nanoseconds: Int64)

    init(stringLiteral value: String) { self = .string(value) }
    init(integerLiteral value: Int) { self = .integer(value) }
    init(floatLiteral value: Double) { self = .double(value) }
    init(booleanLiteral value: Bool) { self = .bool(value) }

    /// An error as it describes itself: for the operator's eyes. Errors that are logged say nothing of what users write,
    /// and hold no credentials.
    static func error(_ error: any Error) -> LogValue { .string("\(error)") }
}
