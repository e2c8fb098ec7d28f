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
            ["room.id": .string("room_1"), "ms": 1.5, "rooms": 3, "first": true, "by": "ada"]
        )
        #expect(
            sink.lines == [
                #"{"time":"2026-01-01T00:00:00.000Z","level":"info","message":"room created","#
                    + #""room.id":"room_1","ms":1.5,"rooms":3,"first":true,"by":"ada"}"# + "\n"
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

    @Test(arguments: LogFormat.allCases)
    func `no character can end a line or steer a terminal`(format: LogFormat) throws {
        let nasty = "a\r\nb\u{0}\u{1B}[2J\u{7F}\u{85}\u{9B}\u{2028}\u{2029}\u{202E}\u{2066}é日🙂"
        logger(.trace, format).error("\(nasty)", ["text": .string(nasty)])
        let line = try #require(sink.lines.first)
        #expect(line.last == "\n")
        let hidden = line.unicodeScalars.dropLast().filter {
            [.control, .format, .lineSeparator, .paragraphSeparator].contains($0.properties.generalCategory)
        }
        #expect(hidden.isEmpty)
        #expect(line.contains(#"a\r\nb\u0000\u001b[2J\u007f\u0085\u009b\u2028\u2029\u202e\u2066é日🙂"#))
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

    @Test func `lines of many threads arrive whole, through a full and non-blocking pipe too`() async throws {
        var template = Array("/tmp/log-XXXXXX\0".utf8CString)
        let file = mkstemp(&template)
        let path = String(decoding: template.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        defer {
            close(file)
            unlink(path)
        }
        let pipe = try #require(popen("cat > \(path)", "w"))
        try #require(fcntl(fileno(pipe), F_SETFL, O_NONBLOCK) == 0)
        let logger = Logger(level: .info, format: .json, sink: StandardErrorSink(descriptor: fileno(pipe)))
        let padding = String(repeating: "x", count: 200_000)
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<20 {
                group.addTask { logger.info("line", ["number": .integer(number), "padding": .string(padding)]) }
            }
        }
        pclose(pipe)

        var bytes = [UInt8](repeating: 0, count: 5_000_000)
        var length = 0
        while case let count = read(file, &bytes[length], bytes.count - length), count > 0 { length += count }
        let numbers = try bytes[..<length].split(separator: 0x0A).map { line in
            let object = try #require(try JSONParser.parse(Array(line)).objectValue)
            #expect(object["padding"] == .string(padding))
            return try #require(object["number"]?.integerValue)
        }
        #expect(numbers.sorted() == Array(0..<20))
    }
}
