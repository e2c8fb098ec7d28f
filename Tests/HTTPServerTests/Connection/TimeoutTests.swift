import HTTPServer
import Primitives
import Testing

@Suite(.timeLimit(.minutes(1))) struct TimeoutTests {
    private static func configure(_ configuration: inout ServerConfiguration) {
        configuration.headerTimeout = 10_000_000_000
        configuration.bodyTimeout = 30_000_000_000
        configuration.idleTimeout = 75_000_000_000
        configuration.stuckTimeout = 20_000_000_000
    }

    /// From the deadline to the tick that notices.
    private static func isAfter(_ seconds: Int, _ passed: Duration?) -> Bool {
        guard let passed else { return false }
        return passed >= .seconds(seconds) && passed <= .seconds(seconds + 1)
    }

    @Test func `an idle connection is closed without a word`() async throws {
        try await TestServer.run(configure: Self.configure) { server in
            let client = try server.connect()
            try client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try client.response()
            let passed = await server.advance(atMost: .seconds(100)) { (try? client.hasEnded()) ?? true }
            #expect(Self.isAfter(75, passed))
            #expect(try client.rest().isEmpty)
        }
    }

    @Test func `a connection that never says anything is closed without a word`() async throws {
        try await TestServer.run(configure: Self.configure) { server in
            let client = try server.connect()
            await server.settle()
            let passed = await server.advance(atMost: .seconds(100)) { (try? client.hasEnded()) ?? true }
            #expect(Self.isAfter(75, passed))
            #expect(try client.rest().isEmpty)
        }
    }

    @Test func `a request restarts the idle time`() async throws {
        try await TestServer.run(configure: Self.configure) { server in
            let client = try server.connect()
            for _ in 0..<5 {
                try client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try client.response().status == 200)
                server.time.advance(by: .seconds(70))
                await server.settle()
            }
        }
    }

    @Test func `a header that trickles in is answered 408`() async throws {
        try await TestServer.run(configure: Self.configure) { server in
            let client = try server.connect()
            try client.send("GET /a HTTP/1.1\r\nHost: a\r\n")
            await server.settle()
            let passed = try await server.advance(atMost: .seconds(20)) {
                if try !client.isSilent() { return true }
                try client.send("X: y\r\n")
                return false
            }
            #expect(Self.isAfter(10, passed))
            #expect(try client.response().status == 408)
            #expect(try client.rest().isEmpty)
        }
    }

    @Test func `the time for a header runs from its first byte, also behind another request`() async throws {
        try await TestServer.run(configure: Self.configure) { server in
            let client = try server.connect()
            try client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HT")
            #expect(try client.response().status == 200)
            let passed = try await server.advance(atMost: .seconds(100)) { try !client.isSilent() }
            #expect(Self.isAfter(10, passed))
            #expect(try client.response().status == 408)
        }
    }

    @Test(arguments: ["Content-Length: 100", "Transfer-Encoding: chunked"])
    func `a body that does not come is answered 408`(framing: String) async throws {
        try await TestServer.run(configure: Self.configure) { server in
            let client = try server.connect()
            try client.send("POST /a HTTP/1.1\r\nHost: a\r\n\(framing)\r\n\r\n1")
            await server.settle()
            let passed = try await server.advance(atMost: .seconds(40)) { try !client.isSilent() }
            #expect(Self.isAfter(30, passed))
            #expect(try client.response().status == 408)
            #expect(try client.rest().isEmpty)
        }
    }

    @Test func `a handler may take longer than any client`() async throws {
        let gate = Gate()
        let service = ScriptedService { request in
            .later {
                await gate.wait()
                return .echo(of: request)
            }
        }
        try await TestServer.run(service, configure: Self.configure) { server in
            let client = try server.connect()
            try client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
            await server.settle()
            for _ in 0..<10 {
                server.time.advance(by: .seconds(60))
                await server.settle()
            }
            #expect(try client.isSilent())
            gate.open()
            #expect(try client.response().text == "GET /a ")
        }
    }

    @Test func `who reads nothing of a large response is cut`() async throws {
        let service = ScriptedService { _ in .now(HTTPResponse(body: .bytes(Array(repeating: 1, count: 20_000_000)))) }
        try await TestServer.run(service, configure: Self.configure) { server in
            let client = try server.connect(receiveBuffer: 4096)
            try client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
            await server.settle()
            let isCut = Gate()
            let waiting = Task {
                await server.server.waitUntilDrained()
                isCut.open()
            }
            for _ in 0..<21 {
                server.time.advance(by: .seconds(1))
                await server.settle()
            }
            await isCut.wait()
            await waiting.value
            #expect(throws: RawClient.Failure.self) { try client.response() }
        }
    }
}
