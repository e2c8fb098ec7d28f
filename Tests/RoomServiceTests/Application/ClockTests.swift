import Primitives
import Testing

@testable import RoomService

/// What happens by the clock alone: paces, keep-alives and time-outs.
struct ClockTests {
    // MARK: Streams

    @Test(arguments: [1, 2])
    func `the demo agent keeps its pace by the clock`(loops: Int) async throws {
        try await withService(loops: loops) { service in
            let (session, room) = try service.makeSession()
            let stream = try service.ask(session, demo: #"{"rate":10,"tokens":4}"#)
            #expect(try stream.dataEvent()?.status == "started")
            #expect(try stream.dataEvent()?.sequence == 1, "the first token comes at once")
            for sequence in 2...4 {
                await service.advance(by: .milliseconds(99))
                #expect(stream.isQuiet)
                await service.advance(by: .milliseconds(1))
                #expect(try stream.dataEvent()?.sequence == sequence)
            }
            #expect(try stream.dataEvent()?.status == "complete")
            let metadata = try service.history(room).first?["metadata"]?.objectValue
            #expect(metadata?["response_time_ms"] == 300 && metadata?["first_token_ms"] == 0)
            #expect(metadata?["chunks"] == 4 && metadata?["tokens_used"] == 4 && metadata?["model"] == "demo")
        }
    }

    @Test func `a silent stream says that it lives, every 15 seconds at the latest`() async throws {
        try await withService { service in
            let (session, _) = try service.makeSession()
            let watcher = try service.watch("session_id=\(session)")
            #expect(try watcher.event()?.retry != nil)
            var silences: [Int] = []
            var silence = 0
            for _ in 0..<60 {
                await service.advance(by: .seconds(1))
                silence += 1
                guard !watcher.isQuiet else { continue }
                #expect(try watcher.event()?.isComment == true)
                silences.append(silence)
                silence = 0
            }
            // The clock is looked at once a second.
            #expect(silences.count == 4 && silences.allSatisfy((14...15).contains), "\(silences)")
        }
    }

    @Test func `the 15 seconds count from the last byte`() async throws {
        try await withService { service in
            let (session, _) = try service.makeSession()
            // A token every 10 seconds, and never a comment; every 20 seconds, and one before each.
            for (rate, comments) in [(0.1, 0), (0.05, 3)] {
                let stream = try service.ask(session, demo: #"{"rate":\#(rate),"tokens":4}"#)
                #expect(try stream.event()?.retry != nil)
                #expect(try stream.event()?.status == "started")
                var blocks = [try #require(try stream.event())]
                for _ in 0..<Int(3 / rate) { await service.advance(by: .seconds(1)) }
                while let block = try stream.event(), !block.isTerminal { blocks.append(block) }
                #expect(blocks.count { $0.status == "streaming" } == 4)
                #expect(blocks.count { $0.isComment } == comments)
                #expect(try stream.event()?.data == "[DONE]")
            }
        }
    }

    @Test func `a client that leaves does not stop the stream`() async throws {
        try await withService { service in
            let (session, room) = try service.makeSession()
            var stream: TestConnection? = try service.ask(session, demo: #"{"rate":1,"tokens":3}"#)
            _ = try stream?.dataEvent()
            _ = try stream?.dataEvent()
            stream = nil
            for _ in 0..<3 { await service.advance(by: .seconds(1)) }
            #expect(try await service.eventually { try service.history(room).first?["status"] == "completed" })
        }
    }

    // MARK: Connections

    @Test func `an idle connection is closed after its time, without a word`() async throws {
        try await withService { service in
            let used = try service.connect()
            try used.sendRequest("GET", "/healthz")
            #expect(try used.response().status == 200)
            let unused = try service.connect()
            await service.settle()
            await service.advance(by: .seconds(74))
            #expect(used.isQuiet && unused.isQuiet)
            for _ in 0..<2 { await service.advance(by: .seconds(1)) }
            #expect(try used.isClosed())
            #expect(try unused.isClosed())
        }
    }

    @Test func `a head that does not come in time is 408`() async throws {
        try await withService { service in
            let connection = try service.connect()
            try connection.send("GET /healthz HTTP/1.1\r\nHo")
            await service.settle()
            await service.advance(by: .seconds(5))
            try connection.send("st: t\r\n")
            await service.settle()
            await service.advance(by: .seconds(4))
            #expect(connection.isQuiet)
            for _ in 0..<2 { await service.advance(by: .seconds(1)) }
            let response = try connection.response()
            #expect(response.status == 408 && response.code == "REQUEST_TIMEOUT")
            #expect(response["Connection"] == "close" && response["X-Request-ID"] != nil)
        }
    }

    @Test func `a body that does not come in time is 408`() async throws {
        try await withService({ $0.bodyTimeout = .seconds(20) }) { service in
            let connection = try service.connect()
            try connection.send("POST /api/rooms HTTP/1.1\r\nHost: t\r\nContent-Length: 20\r\n\r\n{")
            await service.settle()
            await service.advance(by: .seconds(19))
            #expect(connection.isQuiet)
            for _ in 0..<2 { await service.advance(by: .seconds(1)) }
            let response = try connection.response()
            #expect(response.status == 408 && response.code == "REQUEST_TIMEOUT")
        }
    }
}
