import Glibc
import Primitives
import Synchronization
import Testing

@testable import RoomService

struct LoggerTests {
    private final class CapturingSink: LogSink {
        private let captured = Mutex<[String]>([])

        var lines: [String] { captured.withLock { $0 } }

        func write(_ line: [UInt8]) {
            captured.withLock { $0.append(String(decoding: line, as: UTF8.self)) }
        }
    }

    private let sink = CapturingSink()

    private func logger(_ level: Logger.Level = .trace, _ format: LogFormat = .json) -> Logger {
        Logger(level: level, format: format, time: ManualTimeSource(), sink: sink)
    }

    @Test func `a JSON line has time, level, message, then the fields in order`() {
        logger().info(
            "room created",
            [
                "room_id": .string("room_1"), "ms": 1.5, "took_ms": .milliseconds(nanoseconds: 1_234_567), "rooms": 3,
                "first": true, "by": "ada",
            ]
        )
        #expect(
            sink.lines == [
                #"{"time":"2026-01-01T00:00:00.000Z","level":"info","message":"room created","#
                    + #""room_id":"room_1","ms":1.5,"took_ms":1.234,"rooms":3,"first":true,"by":"ada"}"# + "\n"
            ]
        )
    }

    @Test func `a text line quotes what is not a single word`() {
        logger(.trace, .text).warning(
            "slow",
            ["a": "x", "b": "x y", "c": "", "d": "k=v", "e": "say \"x\"", "f": -2, "g": false]
        )
        #expect(
            sink.lines == [
                #"2026-01-01T00:00:00.000Z warning slow a=x b="x y" c="" d="k=v" e="say \"x\"" f=-2 g=false"# + "\n"
            ]
        )
    }

    @Test(arguments: [LogFormat.json, .text])
    func `no character can end a line or steer a terminal`(format: LogFormat) throws {
        let nasty = "a\r\nb\u{0}\u{1B}[2J\u{7F}\u{85}\u{9B}\u{200B}\u{2028}\u{2029}\u{202E}\u{2066}é日🙂"
        logger(.trace, format).error("\(nasty)", ["text": .string(nasty)])
        let line = try #require(sink.lines.first)
        #expect(line.last == "\n")
        let hidden = line.unicodeScalars.dropLast().filter {
            [.control, .format, .lineSeparator, .paragraphSeparator].contains($0.properties.generalCategory)
        }
        #expect(hidden.isEmpty)
        #expect(line.contains(#"a\r\nb\u0000\u001b[2J\u007f\u0085\u009b\u200b\u2028\u2029\u202e\u2066é日🙂"#))
        if format == .json {
            let json = try JSONParser.parse(Array(line.utf8))
            #expect(json.objectValue?["message"] == .string(nasty))
            #expect(json.objectValue?["text"] == .string(nasty))
        }
    }

    @Test func `a level that is off is neither written nor worked out`() {
        var evaluations = 0
        func value() -> LogValue {
            evaluations += 1
            return 1
        }
        func write(at level: Logger.Level) {
            let logger = logger(level)
            logger.trace("t", ["x": value()])
            logger.debug("d", ["x": value()])
            logger.info("i", ["x": value()])
            logger.warning("w", ["x": value()])
            logger.error("e", ["x": value()])
        }
        for (index, level) in Logger.Level.allCases.enumerated() {
            evaluations = 0
            let before = sink.lines.count
            write(at: level)
            #expect(evaluations == 5 - index)
            #expect(sink.lines.count - before == 5 - index)
        }
    }

    @Test func `a text line for a terminal has colours around what is fixed`() {
        logger(.trace, .colouredText).error("broken", ["a": "x y"])
        let line = "\u{1B}[2m2026-01-01T00:00:00.000Z\u{1B}[0m \u{1B}[1;31merror\u{1B}[0m broken "
        #expect(sink.lines == [line + "\u{1B}[2ma=\u{1B}[0m\"x y\"\n"])
    }

    @Test(arguments: LogFormat.allCases)
    func `a long value is cut between two characters`(format: LogFormat) {
        for (character, length) in [("x", 1), ("é", 2), ("日", 3), ("🙂", 4)] {
            for offset in 1..<5 {
                let text = String(repeating: ".", count: offset) + String(repeating: character, count: 2000)
                logger(.trace, format).info("long", ["text": .string(text)])
                let whole = (1024 - offset) / length
                let isCut = sink.lines.last?.contains(text.prefix(offset + whole) + "…") == true
                #expect(isCut, "\(character) after \(offset)")
                #expect(sink.lines.last?.contains("\u{FFFD}") == false)
            }
        }
    }

    @Test func `colours are for terminals that have them`() {
        func format(_ setting: LogFormat.Setting, _ descriptor: Int32, _ environment: [String: String] = [:])
            -> LogFormat
        {
            LogFormat(setting, descriptor: descriptor) { environment[$0] }
        }
        let terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY)
        defer { close(terminal) }
        let file = open("/dev/null", O_WRONLY)
        defer { close(file) }
        #expect(isatty(terminal) == 1)
        #expect(format(.auto, terminal) == .colouredText)
        #expect(format(.text, terminal) == .colouredText)
        #expect(format(.json, terminal) == .json)
        #expect(format(.auto, file) == .json)
        #expect(format(.text, file) == .text)
        #expect(format(.auto, terminal, ["NO_COLOR": "1"]) == .text)
        #expect(format(.auto, terminal, ["NO_COLOR": ""]) == .colouredText)
        #expect(format(.auto, terminal, ["TERM": "dumb"]) == .text)
    }
}
