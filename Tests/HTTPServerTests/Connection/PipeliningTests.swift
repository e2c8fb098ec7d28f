import HTTPServer
import Testing

@Suite(.timeLimit(.minutes(1))) struct PipeliningTests {
    /// Answers `/later…` in a task that waits for other turns first, and anything else at once.
    private static let mixed = ScriptedService { request in
        guard request.head.path.hasPrefix("/later") else { return .now(.echo(of: request)) }
        return .later {
            await Task.yield()
            await request.loop.barrier()
            return .echo(of: request)
        }
    }

    private static let requests = [
        "GET /now1 HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /later1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
        "GET /later2 HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /now2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        "HEAD /later3 HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /later4 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nTrailer: t\r\n\r\n",
        "GET /now3 HTTP/1.1\r\nHost: a\r\n\r\n",
    ].joined()

    private static func checkAnswers(_ client: RawClient) throws {
        #expect(try client.response().text == "GET /now1 ")
        #expect(try client.response().text == "POST /later1 hello")
        #expect(try client.response().text == "GET /later2 ")
        #expect(try client.response().text == "POST /now2 abcde")
        #expect(try client.response(toHead: true).fields["content-length"] == "13")
        #expect(try client.response().text == "POST /later4 x")
        #expect(try client.response().text == "GET /now3 ")
    }

    @Test func `requests that come byte by byte on many connections do not mix`() async throws {
        try await TestServer.run(Self.mixed) { server in
            let clients = try (0..<8).map { _ in try server.connect() }
            let text = Array("\r\n\(Self.requests)".utf8)
            for index in text.indices {
                for client in clients { try client.send(text[index...index]) }
                if index.isMultiple(of: 5) { await server.settle() }
            }
            for client in clients { try Self.checkAnswers(client) }
        }
    }

    @Test func `answers come in the order of the requests, whatever takes longer`() async throws {
        try await TestServer.run(Self.mixed) { server in
            let client = try server.connect()
            for _ in 0..<20 {
                try client.send(Self.requests)
                try Self.checkAnswers(client)
            }
        }
    }

    @Test func `requests may be split at any byte`() async throws {
        try await TestServer.run(Self.mixed) { server in
            let bytes = Array(Self.requests.utf8)
            let client = try server.connect()
            for place in 1..<bytes.count {
                try client.send(bytes[..<place])
                await server.settle()
                try client.send(bytes[place...])
                try Self.checkAnswers(client)
            }
        }
    }

    @Test func `requests may come byte by byte`() async throws {
        try await TestServer.run(Self.mixed) { server in
            let client = try server.connect()
            for byte in Array(Self.requests.utf8) { try client.send([byte]) }
            try Self.checkAnswers(client)
        }
    }

    @Test func `thousands of requests in one write are all answered, in order`() async throws {
        try await TestServer.run(Self.mixed) { server in
            let client = try server.connect()
            let paths = (0..<5000).map { $0 % 3 == 0 ? "/later\($0)" : "/\($0)" }
            try client.send(paths.map { "GET \($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined())
            for path in paths { #expect(try client.response().text == "GET \(path) ") }
            #expect(try client.isSilent())
        }
    }

    @Test func `a large body is put together from many reads`() async throws {
        let service = ScriptedService { .now(.text("\($0.body.count) \($0.body.reduce(0) { $0 &+ UInt64($1) })")) }
        try await TestServer.run(service) { server in
            let client = try server.connect()
            let body = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            let expected = "\(body.count) \(body.reduce(0) { $0 &+ UInt64($1) })"
            for _ in 0..<3 {
                try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.count)\r\n\r\n")
                try client.send(body[...])
                #expect(try client.response().text == expected)
            }
        }
    }

    @Test func `requests behind a streamed body wait for its end`() async throws {
        let body = FedBody()
        let service = ScriptedService { request in
            request.head.path == "/stream" ? .now(HTTPResponse(body: .stream(body))) : .now(.echo(of: request))
        }
        try await TestServer.run(service) { server in
            let client = try server.connect()
            try client.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.head().fields["transfer-encoding"] == "chunked")
            body.push("one")
            #expect(try client.chunk() == Array("one".utf8))
            try client.send("GET /b HTTP/1.1\r\nHost: a\r\n\r\n")
            await server.settle()
            #expect(try client.isSilent())
            body.push("two", isLast: true)
            #expect(try client.chunk() == Array("two".utf8))
            #expect(try client.chunk().isEmpty)
            #expect(try client.response().text == "GET /a ")
            #expect(try client.response().text == "GET /b ")
        }
    }

    @Test func `a streamed body that is all there at once does not disturb what is pipelined behind it`() async throws {
        let service = ScriptedService { request in
            guard request.head.path == "/stream" else { return .now(.echo(of: request)) }
            let body = FedBody()
            body.push("all", isLast: true)
            return .now(HTTPResponse(body: .stream(body)))
        }
        try await TestServer.run(service) { server in
            let client = try server.connect()
            let pair = "GET /stream HTTP/1.1\r\nHost: a\r\n\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n"
            try client.send(String(repeating: pair, count: 500))
            for _ in 0..<500 {
                #expect(try client.response().text == "all")
                #expect(try client.response().text == "GET /a ")
            }
        }
    }
}
