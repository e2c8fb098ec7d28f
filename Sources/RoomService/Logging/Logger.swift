import Primitives

/// Writes what happens, one line an event.
///
/// A message is a fixed text; what varies goes into fields, named as in `stream.id`. Neither is made when the level is off.
struct Logger: Sendable {
    /// How much an event matters. Libraries and hot paths stay at `trace` and `debug`.
    enum Level: String, Sendable, CaseIterable, Comparable {
        case trace, debug, info, warning, error

        static func < (left: Level, right: Level) -> Bool { left.rank < right.rank }

        private var rank: Int {
            switch self {
            case .trace: 0
            case .debug: 1
            case .info: 2
            case .warning: 3
            case .error: 4
            }
        }
    }

    /// The least level that is written.
    let level: Level

    private let format: LogFormat
    private let time: any TimeSource
    private let sink: any LogSink

    init(
        level: Level,
        format: LogFormat,
        time: any TimeSource = SystemTimeSource(),
        sink: any LogSink = StandardErrorSink()
    ) {
        self.level = level
        self.format = format
        self.time = time
        self.sink = sink
    }

    func log(
        _ level: Level,
        _ message: @autoclosure () -> String,
        _ fields: @autoclosure () -> LogFields = [:]
    ) {
        guard level >= self.level else { return }
        var line: [UInt8] = []
        line.reserveCapacity(256)
        format.append(LogEvent(time: time.now, level: level, message: message(), fields: fields()), to: &line)
        line.append(UInt8(ascii: "\n"))
        sink.write(line)
    }

    func trace(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> LogFields = [:]) {
        log(.trace, message(), fields())
    }

    func debug(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> LogFields = [:]) {
        log(.debug, message(), fields())
    }

    func info(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> LogFields = [:]) {
        log(.info, message(), fields())
    }

    func warning(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> LogFields = [:]) {
        log(.warning, message(), fields())
    }

    func error(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> LogFields = [:]) {
        log(.error, message(), fields())
    }
}
