import HTTPServer
import Primitives
import Testing

@Suite(.timeLimit(.minutes(1))) struct SlowReaderTests {
    private static let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    private static func pattern(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
    }

    @Test func `a large response reaches a slow reader whole`() async throws {
        let bytes = Self.pattern(6_000_000)
        let service = ScriptedService { request in
            request.head.path == "/" ? .now(HTTPResponse(body: .bytes(bytes))) : .now(.echo(of: request))
        }
        try await TestServer.run(service) { server in
            let client = try server.connect(receiveBuffer: 8192)
            try client.send(Self.get + "GET /behind HTTP/1.1\r\nHost: a\r\n\r\n")
            await server.settle()
            #expect(try client.response().body == bytes)
            #expect(try client.response().text == "GET /behind ")
        }
    }

    @Test func `who takes longer to read than it may be idle is not idle meanwhile`() async throws {
        let bytes = Self.pattern(12_000_000)
        let service = ScriptedService { request in
            request.head.path == "/" ? .now(HTTPResponse(body: .bytes(bytes))) : .now(.echo(of: request))
        }
        try await TestServer.run(service, configure: { $0.idleTimeout = 5_000_000_000 }) { server in
            let client = try server.connect(receiveBuffer: 8192)
            try client.send(Self.get)
            _ = try client.head()
            var received: [UInt8] = []
            for _ in 0..<20 {
                server.time.advance(by: .seconds(1))
                await server.settle()
                received += try client.take(50_000)
            }
            received += try client.take(bytes.count - received.count)
            #expect(received == bytes)
            server.time.advance(by: .seconds(2))
            await server.settle()
            try client.send("GET /behind HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.response().text == "GET /behind ")
        }
    }

    @Test func `a large streamed body reaches a slow reader whole`() async throws {
        let bytes = Self.pattern(3_000_000)
        let body = FedBody()
        body.push(bytes, isLast: true)
        try await TestServer.run(ScriptedService { _ in .now(HTTPResponse(body: .stream(body))) }) { server in
            let client = try server.connect(receiveBuffer: 8192)
            try client.send(Self.get)
            await server.settle()
            #expect(try client.response().body == bytes)
        }
    }

    @Test func `a reader that takes nothing of a stream is handed little, and cut`() async throws {
        let size = 20_000_000
        let body = FedBody()
        body.push(Array(repeating: 1, count: size))
        let configure = { (configuration: inout ServerConfiguration) in configuration.stuckTimeout = 30_000_000_000 }
        try await TestServer.run(
            ScriptedService { _ in .now(HTTPResponse(body: .stream(body))) },
            configure: configure
        ) { server in
            let client = try server.connect(receiveBuffer: 4096)
            try client.send(Self.get)
            var events = body.events.makeAsyncIterator()
            #expect(await events.next() == .started(isChunked: true))
            for _ in 0..<1000 { await server.settle() }
            let handed = body.handedCount
            #expect(handed < size)
            for _ in 0..<29 {
                server.time.advance(by: .seconds(1))
                await server.settle()
            }
            #expect(body.handedCount == handed)
            server.time.advance(by: .seconds(2))
            #expect(await events.next() == .closed)
            #expect(throws: RawClient.Failure.self) { try client.response() }
        }
    }

    @Test func `who pipelines and reads no responses is not read any further, until it reads`() async throws {
        let answer = Array(repeating: UInt8(ascii: "x"), count: 2000)
        let service = ScriptedService { request in
            .now(HTTPResponse(body: .bytes(answer + Array(request.head.path.utf8))))
        }
        try await TestServer.run(service) { server in
            let client = try server.connect(receiveBuffer: 8192)
            let count = 10_000
            let padding = String(repeating: "p", count: 2000)
            let requests = (0..<count).map { "GET /\($0) HTTP/1.1\r\nHost: a\r\nPadding: \(padding)\r\n\r\n" }
            var unsent = Array(requests.joined().utf8)[...]
            let size = unsent.count
            // The server stops reading; then the socket takes no more.
            var idleRounds = 0
            while idleRounds < 20, !unsent.isEmpty {
                let sent = client.sendWithoutWaiting(unsent.prefix(65_536))
                unsent = unsent.dropFirst(sent)
                idleRounds = sent == 0 ? idleRounds + 1 : 0
                for _ in 0..<3 { await server.settle() }
            }
            #expect(!unsent.isEmpty, "all \(size) bytes of requests were taken without a response being read")
            for number in 0..<count {
                unsent = unsent.dropFirst(client.sendWithoutWaiting(unsent.prefix(65_536)))
                let body = try client.response().body.dropFirst(answer.count)
                try #require(body.elementsEqual("/\(number)".utf8), "response \(number)")
            }
        }
    }
}
