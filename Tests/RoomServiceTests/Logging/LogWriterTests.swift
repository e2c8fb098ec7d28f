import Glibc
import Primitives
import Testing

@testable import RoomService

struct LogWriterTests {
    /// A pipe whose ends are the test's.
    private final class Pipe {
        private(set) var reader: Int32 = -1
        private(set) var writer: Int32 = -1

        init() throws {
            var ends: [Int32] = [0, 0]
            try #require(pipe(&ends) == 0)
            (reader, writer) = (ends[0], ends[1])
        }

        deinit {
            closeReader()
            close(writer)
        }

        func closeReader() {
            if reader >= 0 { close(reader) }
            reader = -1
        }

        /// Reads so many lines, or what comes in ten seconds.
        func lines(_ count: Int) -> [String] {
            var text: [UInt8] = []
            while text.count(where: { $0 == 0x0A }) < count {
                var wanted = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
                guard poll(&wanted, 1, 10_000) == 1 else { break }
                var bytes = [UInt8](repeating: 0, count: 65_536)
                let length = read(reader, &bytes, bytes.count)
                guard length > 0 else { break }
                text += bytes[..<length]
            }
            return text.split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
        }
    }

    private func writer(_ descriptor: Int32, limit: Int = LogWriter.usualLimit) throws -> LogWriter {
        try LogWriter(descriptor: descriptor, limit: limit) { Array("\($0) dropped\n".utf8) }
    }

    private func line(_ text: String) -> [UInt8] { Array((text + "\n").utf8) }

    /// More than any pipe holds, with that many lines.
    private let manyLines = 400
    private var longText: String { String(repeating: "x", count: 999) }

    @Test func `lines leave in their order, without being asked for`() throws {
        let pipe = try Pipe()
        let writer = try writer(pipe.writer)
        for number in 0..<1000 { writer.write(line("\(number)")) }
        #expect(pipe.lines(1000) == (0..<1000).map(String.init))
        writer.write(line("later"))
        #expect(pipe.lines(1) == ["later"])
        #expect(writer.droppedLines == 0)
        writer.close()
    }

    @Test func `lines of many threads arrive whole, through a non-blocking pipe too`() async throws {
        let pipe = try Pipe()
        try #require(fcntl(pipe.writer, F_SETFL, O_NONBLOCK) == 0)
        let writer = try writer(pipe.writer)
        let padding = longText
        await withTaskGroup(of: Void.self) { group in
            for thread in 0..<4 {
                group.addTask { for number in 0..<100 { writer.write(self.line("\(thread) \(number) \(padding)")) } }
            }
        }
        let lines = pipe.lines(400).map { $0.split(separator: " ") }
        #expect(lines.count == 400 && lines.allSatisfy { $0.count == 3 && $0[2] == padding })
        for thread in 0..<4 {
            #expect(lines.filter { $0[0] == "\(thread)" }.map { String($0[1]) } == (0..<100).map(String.init))
        }
        writer.close()
    }

    @Test func `a reader that does not read makes nobody wait, and is told how many lines it has missed`() throws {
        let pipe = try Pipe()
        let limit = 16_384
        let writer = try writer(pipe.writer, limit: limit)
        // Were one of these to wait for the reader, the test would not come to its end: it reads only later.
        for number in 0..<manyLines { writer.write(line("\(number) \(longText)")) }
        let dropped = writer.droppedLines
        #expect(dropped > 0 && dropped < manyLines)

        let lines = pipe.lines(manyLines - dropped + 1)
        let numbers = lines.filter { !$0.hasSuffix("dropped") }.compactMap { Int($0.prefix { $0 != " " }) }
        #expect(numbers.count == manyLines - dropped)
        #expect(numbers == numbers.sorted() && Set(numbers).count == numbers.count)
        let told = lines.filter { $0.hasSuffix(" dropped") }.compactMap { Int($0.dropLast(" dropped".count)) }
        #expect(told.reduce(0, +) == dropped)

        writer.write(line("again"))
        #expect(pipe.lines(1) == ["again"])
        writer.close()
    }

    @Test func `a flush returns when all is written, and after a while where nobody reads`() throws {
        let pipe = try Pipe()
        let writer = try writer(pipe.writer)
        writer.write(line("first"))
        writer.flush()
        var count: Int32 = 0
        #expect(ioctl(pipe.reader, UInt(FIONREAD), &count) == 0 && count == 6)
        #expect(pipe.lines(1) == ["first"])

        for _ in 0..<manyLines { writer.write(line(longText)) }
        writer.flush()
        #expect(pipe.lines(manyLines).count == manyLines)
        writer.close()
    }

    @Test func `a reader that is gone costs lines, which are counted, and not the process`() throws {
        let pipe = try Pipe()
        let writer = try writer(pipe.writer)
        pipe.closeReader()
        for _ in 0..<3 {
            writer.write(line("nobody reads this"))
            writer.flush()
        }
        #expect(writer.droppedLines == 3)
        writer.close()
    }
}
