import HTTPServer
import Testing

@Suite(.timeLimit(.minutes(1))) struct RefusalTests {
    private static let expecting = "POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: "

    @Test func `a client that waits for it is told to continue before it sends the body`() async throws {
        try await TestServer.run { server in
            let client = try server.connect()
            for _ in 0..<2 {
                try client.send("\(Self.expecting)5\r\n\r\n")
                #expect(try client.response().statusLine == "HTTP/1.1 100 Continue")
                try client.send("hello")
                #expect(try client.response().text == "POST /a hello")
            }
        }
    }

    @Test func `a client that sent its body anyway is not told to`() async throws {
        try await TestServer.run { server in
            let client = try server.connect()
            try client.send("\(Self.expecting)5\r\n\r\nhello")
            #expect(try client.response().text == "POST /a hello")
            // Also when only a part of the body came with the head.
            try client.send("\(Self.expecting)5\r\n\r\nh")
            await server.settle()
            #expect(try client.isSilent())
            try client.send("ello")
            #expect(try client.response().text == "POST /a hello")
        }
    }

    @Test func `a body that would be too large is refused instead of continued`() async throws {
        try await TestServer.run(configure: { $0.limits.body = 10 }) { server in
            let client = try server.connect()
            try client.send("\(Self.expecting)11\r\n\r\n")
            #expect(try client.response().status == 413)
            #expect(try client.rest().isEmpty)
        }
    }

    @Test func `another expectation is not met`() async throws {
        try await TestServer.run { server in
            let client = try server.connect()
            try client.send("POST /a HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nContent-Length: 1\r\n\r\n")
            #expect(try client.response().status == 417)
            #expect(try client.rest().isEmpty)
        }
    }

    /// What is sent behind it must not reset the connection before the client has read the response.
    @Test(arguments: [false, true])
    func `a client that keeps on sending still gets its refusal`(halfCloses: Bool) async throws {
        try await TestServer.run { server in
            let client = try server.connect()
            try client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n")
            for _ in 0..<80 { try client.send(Array(repeating: 120, count: 100_000)[...]) }
            if halfCloses { client.halfClose() }
            await server.settle()
            let response = try client.response()
            #expect(response.status == 413)
            #expect(response.fields["connection"] == "close")
            #expect(try client.rest().isEmpty)
        }
    }

    @Test func `a chunked body is refused as soon as it is too large`() async throws {
        try await TestServer.run(configure: { $0.limits.body = 1000 }) { server in
            let client = try server.connect()
            try client.send("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            let chunk = "1f4\r\n\(String(repeating: "x", count: 500))\r\n"
            try client.send(String(repeating: chunk, count: 3))
            #expect(try client.response().status == 413)
            #expect(try client.rest().isEmpty)
        }
    }

    @Test func `a client that is refused and stays is closed after a moment`() async throws {
        try await TestServer.run { server in
            let client = try server.connect()
            try client.send("nonsense\r\n")
            #expect(try client.response().status == 400)
            #expect(try client.rest().isEmpty)
            // The end has come; yet the server still reads, up to a limit.
            await server.settle()
            let drained = Gate()
            let waiting = Task {
                await server.server.waitUntilDrained()
                drained.open()
            }
            server.time.advance(by: .seconds(1))
            await server.settle()
            server.time.advance(by: .seconds(1))
            await server.settle()
            server.time.advance(by: .seconds(1))
            await drained.wait()
            await waiting.value
        }
    }

    @Test func `who comes when all places are taken is told so, and may come again later`() async throws {
        try await TestServer.run(configure: { $0.maxConnections = 2 }) { server in
            let first = try server.connect()
            let second = try server.connect()
            for client in [first, second] {
                try client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try client.response().status == 200)
            }
            let third = try server.connect()
            try third.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
            let refusal = try third.response()
            #expect(refusal.status == 503)
            #expect(refusal.fields["connection"] == "close")
            #expect(try third.rest().isEmpty)
            third.close()
            first.close()
            await server.settle()
            let fourth = try server.connect()
            try fourth.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try fourth.response().status == 200)
            #expect(try second.isSilent())
        }
    }

    @Test func `a crowd beyond the places takes no more than a few descriptors`() async throws {
        try await TestServer.run(configure: { $0.maxConnections = 1 }) { server in
            let first = try server.connect()
            try first.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try first.response().status == 200)
            // None of them leaves: 128 are told, the others are closed at once.
            var crowd: [RawClient] = []
            for _ in 0..<140 { crowd.append(try server.connect()) }
            await server.settle()
            let told = try crowd.filter { try $0.rest().starts(with: Array("HTTP/1.1 503".utf8)) }
            #expect(told.count == 128)
        }
    }
}
