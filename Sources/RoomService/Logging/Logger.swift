import Primitives

/// Writes what happens, one line an event.
///
/// A message is a fixed text; what varies goes into fields, named as in `stream_id`. Neither is made when the level is off.
/// Nothing of what users write, and no token or key, goes into a line of any level above `debug`.
struct Logger: Sendable {
    /// How much an event matters; docs/logs.md says what is told at which. Libraries and hot paths stay at `trace` and `debug`.
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
        sink: any LogSink
    ) {
        self.level = level
        self.format = format
        self.time = time
        self.sink = sink
    }

    /// Whether lines of that level are written.
    func isEnabled(_ level: Level) -> Bool { level >= self.level }

    /// How many lines were lost since the start.
    var droppedLines: Int { sink.droppedLines }

    /// Has all lines so far leave, before the process ends. Waits for about a second at most.
    func flush() { sink.flush() }

    func log(
        _ level: Level,
        _ message: @autoclosure () -> String,
        _ fields: @autoclosure () -> LogFields = [:]
    ) {
        guard isEnabled(level) else { return }
        var line: [UInt8] = []
        line.reserveCapacity(Self.usualLength)
        format.append(LogEvent(time: time.now, level: level, message: message(), fields: fields()), to: &line)
        sink.write(line)
    }

    /// In bytes: enough for a request's line, so that it takes no second piece of memory.
    private static let usualLength = 640

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
