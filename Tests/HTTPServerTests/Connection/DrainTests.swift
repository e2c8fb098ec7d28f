import Glibc
import HTTPServer
import Testing

@Suite(.timeLimit(.minutes(1))) struct DrainTests {
    @Test func `draining closes what is idle, and lets the rest finish`() async throws {
        let gate = Gate()
        let body = FedBody()
        let service = ScriptedService { request in
            switch request.head.path {
            case "/stream": return .now(HTTPResponse(body: .stream(body)))
            case "/slow":
                return .later {
                    await gate.wait()
                    return .echo(of: request)
                }
            default: return .now(.echo(of: request))
            }
        }
        try await TestServer.run(service, loops: 2) { server in
            let (idle, slow, streaming) = (try server.connect(), try server.connect(), try server.connect())
            let writing = try server.connect()
            try idle.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try idle.response()
            try slow.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            try streaming.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try streaming.head()
            try writing.send("POST /w HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nh")
            await server.settle()

            server.server.drain()
            #expect(try idle.rest().isEmpty)
            await server.settle()
            #expect(throws: RawClient.Failure.system("connect", 111)) { try server.connect() }

            let drained = Gate()
            let waiting = Task {
                await server.server.waitUntilDrained()
                drained.open()
            }
            body.push("one")
            #expect(try streaming.chunk() == Array("one".utf8))
            body.push("two", isLast: true)
            #expect(try streaming.chunk() == Array("two".utf8))
            #expect(try streaming.chunk().isEmpty)
            #expect(try streaming.rest().isEmpty)
            streaming.close()
            try writing.send("i")
            let written = try writing.response()
            #expect(written.text == "POST /w hi" && written.fields["connection"] == "close")
            #expect(try writing.rest().isEmpty)
            writing.close()
            gate.open()
            let response = try slow.response()
            #expect(response.text == "GET /slow " && response.fields["connection"] == "close")
            #expect(try slow.rest().isEmpty)
            slow.close()
            await drained.wait()
            await waiting.value
        }
    }

    @Test func `a request that has come when draining begins is answered`() async throws {
        for _ in 0..<20 {
            try await TestServer.run { server in
                let known = try server.connect()
                try known.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
                _ = try known.response()
                var pair: [Int32] = [-1, -1]
                #expect(pipe(&pair) == 0)
                let (reading, writing) = (pair[0], pair[1])
                // While the loop is held up, it is told to drain, and then the requests come.
                server.loop.execute {
                    var byte: UInt8 = 0
                    read(reading, &byte, 1)
                }
                server.server.drain()
                try known.send("GET /b HTTP/1.1\r\nHost: a\r\n\r\n")
                let unknown = try server.connect()
                try unknown.send("GET /c HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(write(writing, "x", 1) == 1)
                for (client, path) in [(known, "/b"), (unknown, "/c")] {
                    let response = try client.response()
                    #expect(response.text == "GET \(path) " && response.fields["connection"] == "close")
                    #expect(try client.rest().isEmpty)
                    client.close()
                }
                await server.server.waitUntilDrained()
                close(reading)
                close(writing)
            }
        }
    }
}
