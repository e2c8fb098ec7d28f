import HTTPServer
import Testing

@Suite(.timeLimit(.minutes(1))) struct KeepAliveTests {
    @Test func `one connection serves many requests`() async throws {
        try await TestServer.run { server in
            let client = try server.connect()
            for number in 0..<100 {
                try client.send("GET /\(number) HTTP/1.1\r\nHost: a\r\n\r\n")
                let response = try client.response()
                #expect(response.statusLine == "HTTP/1.1 200 OK")
                #expect(response.text == "GET /\(number) ")
                #expect(response.fields["connection"] == nil)
                #expect(response.fields["date"] == "Thu, 01 Jan 2026 00:00:00 GMT")
            }
            #expect(try client.isSilent())
        }
    }

    @Test func `a client that asks for it is the last one's reader`() async throws {
        try await TestServer.run { server in
            let client = try server.connect()
            try client.send("GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            let response = try client.response()
            #expect(response.fields["connection"] == "close")
            #expect(response.text == "GET /a ")
            #expect(try client.rest().isEmpty)
        }
    }

    @Test func `what follows a request with Connection close is not answered, and harms no answer`() async throws {
        try await TestServer.run { server in
            let client = try server.connect()
            try client.send("GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.response().text == "GET /a ")
            #expect(try client.rest().isEmpty)
        }
    }

    @Test func `HEAD gets the length and no body`() async throws {
        try await TestServer.run { server in
            let client = try server.connect()
            try client.send("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n")
            let head = try client.response(toHead: true)
            #expect(head.fields["content-length"] == "\("HEAD /a ".utf8.count)")
            #expect(try client.response().text == "GET /b ")
        }
    }

    @Test func `HEAD to a streamed body starts no stream`() async throws {
        let body = FedBody()
        let service = ScriptedService { request in
            request.head.method == .head ? .now(HTTPResponse(body: .stream(body))) : .now(.echo(of: request))
        }
        try await TestServer.run(service) { server in
            let client = try server.connect()
            try client.send("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n")
            let head = try client.response(toHead: true)
            #expect(head.fields["transfer-encoding"] == "chunked")
            #expect(try client.response().text == "GET /b ")
            body.push("nobody reads this")
            await server.settle()
            #expect(body.handedCount == 0)
        }
    }

    @Test(arguments: [204, 304]) func `a status without a body gets none, nor a length`(status: Int) async throws {
        let service = ScriptedService { request in
            request.head.path == "/" ? .now(HTTPResponse(status: HTTPStatus(status))) : .now(.echo(of: request))
        }
        try await TestServer.run(service) { server in
            let client = try server.connect()
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n")
            let response = try client.response()
            #expect(response.status == status)
            #expect(response.fields["content-length"] == nil && response.fields["transfer-encoding"] == nil)
            #expect(try client.response().text == "GET /b ")
        }
    }

    @Test func `HTTP 1.0 ends after one response`() async throws {
        try await TestServer.run { server in
            let client = try server.connect()
            try client.send("GET /a HTTP/1.0\r\n\r\n")
            let response = try client.response()
            #expect(response.fields["connection"] == "close")
            #expect(response.text == "GET /a ")
            #expect(try client.rest().isEmpty)
        }
    }

    @Test func `HTTP 1.0 stays open when it asks for it`() async throws {
        try await TestServer.run { server in
            let client = try server.connect()
            for path in ["/a", "/b"] {
                try client.send("GET \(path) HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                let response = try client.response()
                #expect(response.fields["connection"] == "keep-alive")
                #expect(response.text == "GET \(path) ")
            }
            try client.send("GET /c HTTP/1.0\r\n\r\n")
            #expect(try client.response().fields["connection"] == "close")
            #expect(try client.rest().isEmpty)
        }
    }

    @Test func `what is no HTTP gets a 400 and the end`() async throws {
        try await TestServer.run { server in
            let client = try server.connect()
            try client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\nnonsense\r\n\r\n")
            #expect(try client.response().text == "GET /a ")
            let response = try client.response()
            #expect(response.status == 400)
            #expect(response.fields["connection"] == "close")
            #expect(try client.rest().isEmpty)
        }
    }

    @Test func `the error of a HEAD request has no body`() async throws {
        try await TestServer.run(configure: { $0.limits.headerCount = 2 }) { server in
            let client = try server.connect()
            try client.send("HEAD /a HTTP/1.1\r\nHost: a\r\nA: b\r\nC: d\r\n\r\n")
            let response = try client.response(toHead: true)
            #expect(response.status == 431)
            #expect(response.fields["content-length"] != "0")
            #expect(try client.rest().isEmpty)
        }
    }
}
