import HTTPServer
import Testing

@Suite(.timeLimit(.minutes(1))) struct HalfCloseTests {
    private static let request = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"

    private static func later(_ gate: Gate) -> ScriptedService {
        ScriptedService { request in
            .later {
                await gate.wait()
                return .echo(of: request)
            }
        }
    }

    @Test func `a client that sends no more gets its answer`() async throws {
        try await TestServer.run { server in
            for _ in 0..<50 {
                let client = try server.connect()
                try client.send(Self.request)
                client.halfClose()
                #expect(try client.response().text == "POST /a hi")
                #expect(try client.rest().isEmpty)
            }
        }
    }

    @Test func `it gets all of its answers`() async throws {
        try await TestServer.run { server in
            let client = try server.connect()
            try client.send(String(repeating: Self.request, count: 3000))
            client.halfClose()
            for _ in 0..<3000 { #expect(try client.response().text == "POST /a hi") }
            #expect(try client.rest().isEmpty)
        }
    }

    @Test(arguments: [false, true])
    func `it gets an answer that takes a while`(closesLater: Bool) async throws {
        let gate = Gate()
        try await TestServer.run(Self.later(gate)) { server in
            let client = try server.connect()
            try client.send(Self.request)
            if closesLater { await server.settle() }
            client.halfClose()
            await server.settle()
            gate.open()
            #expect(try client.response().text == "POST /a hi")
            #expect(try client.rest().isEmpty)
        }
    }

    @Test(arguments: [false, true])
    func `it gets the whole of a streamed body`(closesLater: Bool) async throws {
        let body = FedBody()
        try await TestServer.run(ScriptedService { _ in .now(HTTPResponse(body: .stream(body))) }) { server in
            let client = try server.connect()
            try client.send(Self.request)
            if closesLater { await server.settle() }
            client.halfClose()
            await server.settle()
            body.push("one")
            await server.settle()
            body.push("two", isLast: true)
            // Who does that in the middle of the body first gets something that it ignores, as most are gone altogether.
            let text = try client.response().text
            #expect(text == ":onetwo" || (!closesLater && text == "onetwo"))
            #expect(try client.rest().isEmpty)
        }
    }

    @Test func `one that is gone altogether is noticed at once, though there is nothing to send`() async throws {
        let body = FedBody()
        try await TestServer.run(ScriptedService { _ in .now(HTTPResponse(body: .stream(body))) }) { server in
            let client = try server.connect()
            try client.send(Self.request)
            _ = try client.head()
            client.close()
            for await event in body.events where event == .closed { break }
        }
    }

    @Test(arguments: ["GET /a HTT", "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nh"])
    func `half a request is no request`(start: String) async throws {
        try await TestServer.run { server in
            let client = try server.connect()
            try client.send(start)
            client.halfClose()
            #expect(try client.response().status == 400)
            #expect(try client.rest().isEmpty)
        }
    }

    @Test func `a client that comes and goes without a word gets none`() async throws {
        try await TestServer.run { server in
            let client = try server.connect()
            client.halfClose()
            #expect(try client.rest().isEmpty)
            let other = try server.connect()
            try other.send("\r\n")
            other.halfClose()
            #expect(try other.rest().isEmpty)
        }
    }

    @Test func `an answer for a client that has left reaches nobody, not even who came after it`() async throws {
        let gate = Gate()
        let service = ScriptedService { request in
            guard request.head.path == "/slow" else { return .now(.echo(of: request)) }
            return .later {
                await gate.wait()
                return .text("too late")
            }
        }
        try await TestServer.run(service) { server in
            let client = try server.connect()
            try client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            await server.settle()
            client.reset()
            await server.settle()
            // Gets the descriptor that has become free.
            let next = try server.connect()
            try next.send("GET /b HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try next.response().text == "GET /b ")
            gate.open()
            await server.settle()
            #expect(try next.isSilent())
            try next.send("GET /c HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try next.response().text == "GET /c ")
        }
    }
}
