import HTTPServer
import Primitives
import Testing

@Suite(.timeLimit(.minutes(1))) struct StreamedBodyTests {
    private static let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    private static func service(_ body: FedBody) -> ScriptedService {
        ScriptedService { request in
            request.head.path == "/" ? .now(HTTPResponse(body: .stream(body))) : .now(.echo(of: request))
        }
    }

    @Test func `the head goes out before the first byte of the body`() async throws {
        let body = FedBody()
        try await TestServer.run(Self.service(body)) { server in
            let client = try server.connect()
            try client.send(Self.get)
            let head = try client.head()
            #expect(head.fields["transfer-encoding"] == "chunked" && head.fields["content-length"] == nil)
            for piece in ["a", "bc", "def"] {
                body.push(piece)
                #expect(try client.chunk() == Array(piece.utf8))
            }
            body.push("", isLast: true)
            #expect(try client.chunk().isEmpty)
            var events = body.events.makeAsyncIterator()
            #expect(await events.next() == .started(isChunked: true))
            #expect(await events.next() == .closed)
            try client.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.response().text == "GET /next ")
        }
    }

    @Test func `a task may answer with a stream`() async throws {
        let body = FedBody()
        let service = ScriptedService { _ in
            .later {
                await Task.yield()
                return HTTPResponse(body: .stream(body))
            }
        }
        try await TestServer.run(service) { server in
            let client = try server.connect()
            try client.send(Self.get)
            _ = try client.head()
            body.push("a", isLast: true)
            #expect(try client.chunk() == Array("a".utf8))
            #expect(try client.chunk().isEmpty)
        }
    }

    @Test(arguments: ["", "Connection: keep-alive\r\n"])
    func `HTTP 1.0 gets it without chunks, and its end is that of the connection`(field: String) async throws {
        let body = FedBody()
        try await TestServer.run(Self.service(body)) { server in
            let client = try server.connect()
            try client.send("GET / HTTP/1.0\r\n\(field)\r\n")
            let head = try client.head()
            #expect(head.fields["transfer-encoding"] == nil && head.fields["content-length"] == nil)
            #expect(head.fields["connection"] == "close")
            body.push("one")
            #expect(try client.take(3) == Array("one".utf8))
            body.push("two", isLast: true)
            #expect(try client.rest() == Array("two".utf8))
            var events = body.events.makeAsyncIterator()
            #expect(await events.next() == .started(isChunked: false))
            #expect(await events.next() == .closed)
        }
    }

    @Test func `with Connection close the connection ends behind the last chunk`() async throws {
        let body = FedBody()
        try await TestServer.run(Self.service(body)) { server in
            let client = try server.connect()
            try client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            #expect(try client.head().fields["connection"] == "close")
            body.push("one", isLast: true)
            #expect(try client.chunk() == Array("one".utf8))
            #expect(try client.chunk().isEmpty)
            #expect(try client.rest().isEmpty)
        }
    }

    @Test(arguments: [false, true])
    func `a client that resets ends the body, and frees its place`(aborts: Bool) async throws {
        let body = FedBody(abortsWhenClosed: aborts)
        try await TestServer.run(Self.service(body), configure: { $0.maxConnections = 1 }) { server in
            let client = try server.connect()
            try client.send(Self.get)
            _ = try client.head()
            body.push("one")
            #expect(try client.chunk() == Array("one".utf8))
            client.reset()
            var events = body.events.makeAsyncIterator()
            #expect(await events.next() == .started(isChunked: true))
            #expect(await events.next() == .closed)
            await server.server.waitUntilDrained()
            let next = try server.connect()
            try next.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try next.response().text == "GET /next ")
            // Whatever still comes for the old connection reaches nobody.
            body.push("two")
            await server.settle()
            #expect(try next.isSilent())
        }
    }

    @Test func `a body may be ended in the middle`() async throws {
        let body = FedBody(abortsWhenClosed: true)
        try await TestServer.run(Self.service(body)) { server in
            let client = try server.connect()
            try client.send(Self.get)
            _ = try client.head()
            body.push("one")
            #expect(try client.chunk() == Array("one".utf8))
            body.abort()
            #expect(try client.rest().isEmpty)
            var events = body.events.makeAsyncIterator()
            #expect(await events.next() == .started(isChunked: true))
            #expect(await events.next() == .closed)
        }
    }

    @Test func `a silent body is kept alive before the silence reaches the limit`() async throws {
        let body = FedBody(comment: ":\n\n")
        try await TestServer.run(Self.service(body), configure: { $0.keepAliveInterval = 15_000_000_000 }) { server in
            let client = try server.connect()
            try client.send(Self.get)
            _ = try client.head()
            var events = body.events.makeAsyncIterator()
            #expect(await events.next() == .started(isChunked: true))
            await server.settle()
            var lastSent = server.time.monotonicNanoseconds
            for round in 0..<4 {
                // Something is sent at another place between two ticks each time.
                if round > 1 {
                    server.time.advance(by: .milliseconds(300 * round))
                    await server.settle()
                    body.push("word")
                    #expect(try client.chunk() == Array("word".utf8))
                    lastSent = server.time.monotonicNanoseconds
                }
                let passed = try await server.advance(atMost: .seconds(20)) { try !client.isSilent() }
                #expect(passed != nil)
                #expect(try client.chunk() == Array(":\n\n".utf8))
                guard case .keptAlive(let time) = await events.next() else {
                    Issue.record("no keep-alive")
                    return
                }
                #expect(time - lastSent > 13_000_000_000 && time - lastSent <= 15_000_000_000)
                lastSent = time
            }
        }
    }

    @Test func `a body that is not silent needs no keep-alive`() async throws {
        let body = FedBody()
        try await TestServer.run(Self.service(body), configure: { $0.keepAliveInterval = 15_000_000_000 }) { server in
            let client = try server.connect()
            try client.send(Self.get)
            _ = try client.head()
            for _ in 0..<10 {
                for _ in 0..<10 {
                    server.time.advance(by: .seconds(1))
                    await server.settle()
                }
                body.push("x")
                #expect(try client.chunk() == Array("x".utf8))
            }
            body.push("", isLast: true)
            #expect(try client.chunk().isEmpty)
            var events = body.events.makeAsyncIterator()
            #expect(await events.next() == .started(isChunked: true))
            #expect(await events.next() == .closed)
        }
    }
}
