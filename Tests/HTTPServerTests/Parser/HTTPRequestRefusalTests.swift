import Testing

@testable import HTTPServer

/// Request lines and header fields that must be refused. All of it is checked at every split.
@Suite struct HTTPRequestRefusalTests {
    private static let invalidTarget = "The request target has an invalid character"
    private static let badVersion = "The HTTP version is malformed"
    private static let badForm = "The request target is neither a path nor an http URI"
    private static let badTargetHost = "The request target's host is invalid"

    static let requestLines = [
        Refusal("", 400, "The request line is empty"),
        Refusal(" GET / HTTP/1.1", 400, "The request line begins with a space"),
        Refusal("GET  / HTTP/1.1", 400, "The request line has an extra space"),
        Refusal("GET /  HTTP/1.1", 400, badVersion),
        Refusal("GET / HTTP/1.1 ", 400, "The request line goes on after the HTTP version"),
        Refusal("GET / HTTP/1.10", 400, "The request line goes on after the HTTP version"),
        Refusal("GET /", 400, "The request line has no HTTP version"),
        Refusal("GET", 400, "The method has an invalid character"),
        Refusal("GET\t/ HTTP/1.1", 400, "The method has an invalid character"),
        Refusal("GE(T / HTTP/1.1", 400, "The method has an invalid character"),
        Refusal("G\u{E9}T / HTTP/1.1", 400, "The method has an invalid character"),
        Refusal("G\0T / HTTP/1.1", 400, "The method has an invalid character"),
        Refusal("G\nT / HTTP/1.1", 400, "The method has an invalid character"),
        Refusal("\u{16}\u{3}\u{1}", 400, "The method has an invalid character"),
        Refusal("GET /\tHTTP/1.1", 400, invalidTarget),
        Refusal("GET /a\0 HTTP/1.1", 400, invalidTarget),
        Refusal("GET /a\u{7F} HTTP/1.1", 400, invalidTarget),
        Refusal("GET /\u{E9} HTTP/1.1", 400, invalidTarget),
        Refusal("GET /a b HTTP/1.1", 400, badVersion),
        Refusal("GET /#a HTTP/1.1", 400, "The request target has a fragment"),
        Refusal("GET / \tHTTP/1.1", 400, badVersion),
        Refusal("GET / http/1.1", 400, badVersion),
        Refusal("GET / HTTP/1", 400, badVersion),
        Refusal("GET / HTTP/1.", 400, badVersion),
        Refusal("GET / HTTP/11", 400, badVersion),
        Refusal("GET / HTTP/1,1", 400, badVersion),
        Refusal("GET / HTTP/x.1", 400, badVersion),
        Refusal("GET / HTTPS/1.1", 400, badVersion),
        Refusal("GET / HTTP/1.1\rX", 400, Refusal.noLineFeed),
        Refusal("GET / HTTP/1.1\nHost: a\n", 400, "The request line goes on after the HTTP version"),
        Refusal("GET / HTTP/2.0", 505, "Only HTTP/1.1 and HTTP/1.0 are served"),
        Refusal("GET / HTTP/0.9", 505, "Only HTTP/1.1 and HTTP/1.0 are served"),
        Refusal("PRI * HTTP/2.0", 505, "Only HTTP/1.1 and HTTP/1.0 are served"),
        Refusal("CONNECT a:443 HTTP/1.1", 501, "CONNECT is not served: this is no proxy"),
        Refusal("CONNECT / HTTP/1.1", 501, "CONNECT is not served: this is no proxy"),
        Refusal("GET a HTTP/1.1", 400, badForm),
        Refusal("GET a:80 HTTP/1.1", 400, badForm),
        Refusal("GET * HTTP/1.1", 400, badForm),
        Refusal("OPTIONS ** HTTP/1.1", 400, badForm),
        Refusal("GET ?a HTTP/1.1", 400, badForm),
        Refusal("GET ftp://a/ HTTP/1.1", 400, badForm),
        Refusal("GET http:/a HTTP/1.1", 400, badForm),
        Refusal("GET http:///a HTTP/1.1", 400, badTargetHost),
        Refusal("GET http://?a HTTP/1.1", 400, badTargetHost),
        Refusal("GET http://u@a/ HTTP/1.1", 400, badTargetHost),
        Refusal("GET http://a:b/ HTTP/1.1", 400, badTargetHost),
    ]

    @Test(arguments: requestLines)
    func `a bad request line`(refusal: Refusal) {
        let outcome = refusal.check(in: "\r\n\(refusal.text)\r\nHost: a\r\n\r\n")
        #expect(outcome.requests.isEmpty)
        #expect(outcome.refused == nil)
    }

    private static let invalidName = "A header field's name has an invalid character"
    private static let spaceAfterName = "A header field's name has white space after it"
    private static let control = "A header field's value has a control character"
    private static let leadingSpace = "A header line begins with white space"
    private static let noColon = "A header line has no colon"

    static let fieldLines = [
        Refusal("X: a\nY: b", 400, "A line feed without a carriage return"),
        Refusal("X: a\n", 400, "A line feed without a carriage return"),
        Refusal("X: a\rb", 400, Refusal.noLineFeed),
        Refusal("X: a\r\r\n", 400, Refusal.noLineFeed),
        Refusal("\nX: a", 400, noColon),
        Refusal("\rX: a", 400, Refusal.noLineFeed),
        Refusal("X: a\r\n b", 400, leadingSpace),
        Refusal("X: a\r\n\tb", 400, leadingSpace),
        Refusal("X: a\r\n \r\nY: b", 400, leadingSpace),
        Refusal(" X: a", 400, leadingSpace),
        Refusal("X : a", 400, spaceAfterName),
        Refusal("X\t: a", 400, spaceAfterName),
        Refusal("X Y: a", 400, spaceAfterName),
        Refusal(": a", 400, "A header field has no name"),
        Refusal("X", 400, noColon),
        Refusal("X\nY: a", 400, noColon),
        Refusal("X(: a", 400, invalidName),
        Refusal("X\0: a", 400, invalidName),
        Refusal("\u{E9}: a", 400, invalidName),
        Refusal("\"X\": a", 400, invalidName),
        Refusal("X: a\0b", 400, control),
        Refusal("X: \u{1}", 400, control),
        Refusal("X: a\u{B}", 400, control),
        Refusal("X: a\u{7F}", 400, control),
        Refusal("X: a\u{1B}[0m", 400, control),
    ]

    @Test(arguments: fieldLines)
    func `a bad field line, first and later`(refusal: Refusal) {
        let first = refusal.check(in: "GET /p HTTP/1.1\r\n\(refusal.text)\r\nHost: a\r\n\r\n")
        let later = refusal.check(in: "GET /p HTTP/1.1\r\nHost: a\r\n\(refusal.text)\r\n\r\n")
        #expect(first.requests.isEmpty && later.requests.isEmpty)
        #expect(first.refused?.hasPrefix("/p ") == true)
        #expect(later.refused?.hasPrefix("/p ") == true)
    }

    @Test(arguments: fieldLines)
    func `a bad trailer line`(refusal: Refusal) {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
        let outcome = refusal.check(in: "\(head)T: 1\r\n\(refusal.text)\r\n\r\n")
        #expect(outcome.requests.map(\.isComplete) == [false])
    }

    @Test(arguments: ["\r", "\n", "\r\n\r\n", "\r\n\n"])
    func `more than one empty line before a request`(text: String) {
        let reason = text == "\r" ? Refusal.noLineFeed : "The request line is empty"
        _ = Refusal(text, 400, reason).check(in: "\(text)GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    }

    @Test func `a refused request says what its response may look at`() throws {
        let text = "POST /p?q HTTP/1.1\r\nHost: a\r\nX-Request-ID: r\r\nContent-Length: 9999999\r\nX: y\r\n\r\n"
        var parser = HTTPRequestParser(limits: HTTPLimits())
        var offset = 0
        #expect(parser.refusedHead == nil)
        #expect(throws: HTTPParseError.self) { try parser.next(Array(text.utf8).span, from: &offset) }
        let head = try #require(parser.refusedHead)
        #expect(head.method == .post && head.path == "/p" && head.query == "q" && !head.keepsAlive)
        #expect(head.headers["x-request-id"] == "r")
        #expect(head.headers.count == 4)
    }

    @Test func `after an error the parser is dead`() {
        var parser = HTTPRequestParser(limits: HTTPLimits())
        var offset = 0
        #expect(throws: HTTPParseError(.badRequest, Self.badVersion)) {
            try parser.next(Array("GET / X".utf8).span, from: &offset)
        }
        offset = 0
        #expect(throws: HTTPParseError(.badRequest, Self.badVersion)) {
            try parser.next(Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8).span, from: &offset)
        }
        #expect(offset == 0)
    }
}
