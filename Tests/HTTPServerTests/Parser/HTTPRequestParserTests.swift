import TestSupport
import Testing

@testable import HTTPServer

@Suite struct HTTPRequestParserTests {
    /// The one request in `text`, complete, at whatever split.
    private func request(
        _ text: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> ParserOutcome.Request {
        let outcome = ParserOutcome.atEverySplit(text, sourceLocation: sourceLocation)
        #expect(outcome.error == nil, sourceLocation: sourceLocation)
        #expect(outcome.isIdle, sourceLocation: sourceLocation)
        #expect(outcome.requests.count == 1, sourceLocation: sourceLocation)
        let request = try #require(outcome.requests.first, sourceLocation: sourceLocation)
        #expect(request.isComplete, sourceLocation: sourceLocation)
        return request
    }

    @Test func `a plain request is read in all its parts`() throws {
        let request = try request("GET /api/rooms?user_id=a&x=?y HTTP/1.1\r\nHost: a.example:80\r\nX-One: 1\r\n\r\n")
        #expect(request.method == .get)
        #expect(request.path == "/api/rooms")
        #expect(request.query == "user_id=a&x=?y")
        #expect(request.minorVersion == 1)
        #expect(request.fields == ["Host: a.example:80", "X-One: 1"])
        #expect(request.framing == .none)
        #expect(request.keepsAlive)
        #expect(!request.expectsContinue)
        #expect(request.body.isEmpty)
    }

    @Test(
        arguments: [
            ("GET", .get), ("HEAD", .head), ("POST", .post), ("PUT", .put), ("PATCH", .patch), ("DELETE", .delete),
            ("OPTIONS", .options), ("get", .other("get")), ("!#$%&'*+-.^_`|~09Z", .other("!#$%&'*+-.^_`|~09Z")),
        ] as [(String, HTTPMethod)]
    )
    func `every token is a method, case-sensitive`(name: String, method: HTTPMethod) throws {
        #expect(try request("\(name) / HTTP/1.1\r\nHost: a\r\n\r\n").method == method)
    }

    @Test(
        arguments: [
            ("GET /", "/", ""), ("GET /?", "/", ""), ("GET /a%20b/%2F", "/a%20b/%2F", ""), ("GET //a", "//a", ""),
            ("GET /a?b?c", "/a", "b?c"), ("GET /|{}\"<>\\^`", "/|{}\"<>\\^`", ""), ("OPTIONS *", "*", ""),
            ("OPTIONS /a", "/a", ""), ("GET http://a.example/b?c", "/b", "c"), ("GET HTTPS://a.example:8443", "/", ""),
            ("GET http://a.example?c=/", "/", "c=/"), ("POST http://[::1]:80/b", "/b", ""),
        ]
    )
    func `a target has a path and a query`(start: String, path: String, query: String) throws {
        let request = try request("\(start) HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(request.path == path)
        #expect(request.query == query)
    }

    @Test func `the host of an absolute target comes before the Host field`() throws {
        let text = "GET http://a.example:81/b HTTP/1.1\r\nX: 1\r\nHost: b.example\r\n\r\n"
        #expect(try request(text).fields == ["X: 1", "Host: a.example:81"])
        #expect(try request("GET http://a.example/b HTTP/1.0\r\n\r\n").fields == ["host: a.example"])
    }

    @Test(
        arguments: [
            "a", "", "a.example", "a.example:80", "a:", "127.0.0.1:8000", "[::1]", "[::1]:80", "[v1.a:b]", "a%2db",
            "~a_b-c!$&'()*+,;=",
        ]
    )
    func `these are hosts`(host: String) throws {
        #expect(try request("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n").fields == ["Host: \(host)"])
    }

    @Test(
        arguments: [
            ("a", "a"), ("", ""), (" \t ", ""), ("\t a b\tc \t", "a b\tc"), ("a:b:", "a:b:"),
            ("\u{E9}\u{1F600}", "\u{E9}\u{1F600}"),
            ("\"q\\\"\"", "\"q\\\"\""),
        ]
    )
    func `a field's value loses the white space around it`(text: String, value: String) throws {
        let request = try request("GET / HTTP/1.1\r\nHost:a\r\nX-Y:\(text)\r\n\r\n")
        #expect(request.fields == ["Host: a", "X-Y: \(value)"])
    }

    @Test func `bytes of a value that are no UTF-8 are let through`() {
        let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\nX: ".utf8) + [0x80, 0xFF] + Array("\r\n\r\n".utf8)
        #expect(ParserOutcome.atEverySplit(bytes).requests.first?.fields.last == "X: \u{FFFD}\u{FFFD}")
    }

    @Test(
        arguments: [
            ("HTTP/1.1", "", true), ("HTTP/1.1", "close", false), ("HTTP/1.1", "x, CLOSE ,y", false),
            ("HTTP/1.1", "keep-alive", true), ("HTTP/1.1", "closed", true), ("HTTP/1.1", ",,", true),
            ("HTTP/1.1", "keep-alive, close", false), ("HTTP/1.0", "", false), ("HTTP/1.0", "Keep-Alive", true),
            ("HTTP/1.0", "keep-alive, close", false), ("HTTP/1.7", "", true),
        ]
    )
    func `the connection stays open as version and fields say`(version: String, field: String, keepsAlive: Bool) throws
    {
        let request = try request("GET / \(version)\r\nHost: a\r\nConnection: \(field)\r\n\r\n")
        #expect(request.keepsAlive == keepsAlive)
        #expect(request.minorVersion == (version == "HTTP/1.0" ? 0 : 1))
    }

    @Test func `a close in a second Connection field counts`() throws {
        let request = try request("GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\nConnection: close\r\n\r\n")
        #expect(!request.keepsAlive)
    }

    @Test(
        arguments: [
            ("HTTP/1.1", "Content-Length: 2", "ok", true), ("HTTP/1.1", "Content-Length: 0", "", false),
            ("HTTP/1.1", "Transfer-Encoding: chunked", "2\r\nok\r\n0\r\n\r\n", true),
            ("HTTP/1.1", "X: y", "", false), ("HTTP/1.0", "Content-Length: 2", "ok", false),
        ]
    )
    func `only a body to come is waited for`(version: String, field: String, body: String, expects: Bool) throws {
        let request = try request("PUT / \(version)\r\nHost: a\r\nExpect: 100-Continue\r\n\(field)\r\n\r\n\(body)")
        #expect(request.expectsContinue == expects)
    }

    @Test func `HTTP 1 0 knows no expectations`() throws {
        let request = try request("GET / HTTP/1.0\r\nExpect: something\r\n\r\n")
        #expect(!request.expectsContinue)
    }

    @Test func `a body of a length is read to its last byte`() throws {
        let request = try request("POST / HTTP/1.1\r\nHost: a\r\ncontent-LENGTH: 0011\r\n\r\nhello\r\n\r\n!!")
        #expect(request.framing == .length(11))
        #expect(request.body == "hello\r\n\r\n!!")
    }

    @Test(
        arguments: [
            ("0\r\n\r\n", ""), ("5\r\nhello\r\n0\r\n\r\n", "hello"), ("1\r\na\r\n2\r\n\r\n\r\n000\r\n\r\n", "a\r\n"),
            ("A\r\n0123456789\r\n0a\r\nabcdefghij\r\n0\r\n\r\n", "0123456789abcdefghij"),
            ("0000000000000002\r\nab\r\n0000000000000000\r\n\r\n", "ab"),
            ("2;a;b=c;d=\"e;\\\"\u{E9}\"\r\nab\r\n0;x\r\n\r\n", "ab"), ("2; a = b\r\nab\r\n0\r\n\r\n", "ab"),
            ("2\r\nab\r\n0\r\nX-Sum: 1\r\nContent-Length: 5\r\n\r\n", "ab"),
        ]
    )
    func `a chunked body loses its framing, extensions and trailer`(text: String, body: String) throws {
        let request = try request("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked \r\n\r\n\(text)")
        #expect(request.framing == .chunked)
        #expect(request.body == body)
        #expect(request.fields == ["Host: a", "Transfer-Encoding: Chunked"])
    }

    @Test func `one empty line before a request is skipped`() throws {
        #expect(try request("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").path == "/")
    }

    @Test func `requests in a row are told apart`() {
        let text = """
            POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc\r\nGET /2 HTTP/1.1\r\nHost: b\r\n\r\n\
            PUT /3 HTTP/1.1\r\nHost: c\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nT: 1\r\n\r\n\
            GET /4 HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\nGET
            """
        let outcome = ParserOutcome.atEverySplit(text)
        #expect(outcome.error == nil)
        #expect(outcome.requests.map(\.path) == ["/1", "/2", "/3", "/4"])
        #expect(outcome.requests.map(\.body) == ["abc", "", "x", ""])
        #expect(outcome.requests.map { $0.fields[0] } == ["Host: a", "Host: b", "Host: c", "Host: d"])
        #expect(outcome.requests.allSatisfy { $0.isComplete })
        #expect(!outcome.isIdle)
    }

    @Test func `random splits of requests in a row make no difference`() {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<50 {
            let bytes = (0..<6).flatMap { _ in Array(SampleRequests.valid.randomElement(using: &generator)!.utf8) }
            let whole = ParserOutcome(bytes)
            #expect(whole.error == nil && whole.requests.count == 6 && whole.requests.allSatisfy { $0.isComplete })
            for _ in 0..<10 {
                let cuts = (0..<Int.random(in: 1...20, using: &generator)).map { _ in
                    Int.random(in: 0...bytes.count, using: &generator)
                }
                #expect(ParserOutcome(bytes, cuts: cuts.sorted()) == whole)
            }
        }
    }

    @Test func `the head comes before any byte of the body is consumed`() throws {
        let bytes = Array("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody".utf8)
        var parser = HTTPRequestParser(limits: HTTPLimits())
        var offset = 0
        guard case .head = try parser.next(bytes.span, from: &offset) else {
            Issue.record("no head")
            return
        }
        #expect(offset == bytes.count - 4)
        guard case .body(let range) = try parser.next(bytes.span, from: &offset) else {
            Issue.record("no body")
            return
        }
        #expect(range == bytes.count - 4..<bytes.count)
    }

    @Test(arguments: ["", "\r", "\r\n"])
    func `nothing but an empty line leaves the parser idle`(text: String) {
        #expect(ParserOutcome(Array(text.utf8)).isIdle)
        #expect(!ParserOutcome(Array((text == "\r" ? "\r\nG" : text + "G").utf8)).isIdle)
    }

    @Test func `an unfinished body is not idle`() {
        #expect(!ParserOutcome(Array("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n".utf8)).isIdle)
    }

    @Test func `an idle parser holds no memory beyond itself`() throws {
        var parser = HTTPRequestParser(limits: HTTPLimits())
        for _ in 0..<2 {
            for piece in ["GET / HTTP/1.1\r\nHo", "st: a\r\nX: y\r\n\r\n"] {
                let bytes = Array(piece.utf8)
                var offset = 0
                var isRead = false
                while !isRead {
                    if case .needsMore = try parser.next(bytes.span, from: &offset) { isRead = true }
                }
            }
            #expect(parser.isIdle)
            #expect(parser.lines.bytes.capacity == 0 && parser.lines.fields.capacity == 0)
        }
        #expect(MemoryLayout<HTTPRequestParser>.size <= 320)
    }
}
