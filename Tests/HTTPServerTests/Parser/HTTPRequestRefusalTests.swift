import Testing

@testable import HTTPServer

/// What must be refused, with which status and for which reason. All of it is checked at every split.
@Suite struct HTTPRequestRefusalTests {
    struct Refusal: Sendable, CustomTestStringConvertible {
        var text: String
        var status: Int
        var reason: String

        init(_ text: String, _ status: Int, _ reason: String) {
            self.text = text
            self.status = status
            self.reason = reason
        }

        var testDescription: String { text.debugDescription }
    }

    private func check(
        _ refusal: Refusal,
        in text: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) -> ParserOutcome {
        let outcome = ParserOutcome.atEverySplit(text, sourceLocation: sourceLocation)
        #expect(
            outcome.error == HTTPParseError(HTTPStatus(refusal.status), refusal.reason),
            sourceLocation: sourceLocation
        )
        return outcome
    }

    private static let invalidTarget = "The request target has an invalid character"
    private static let noLineFeed = "A carriage return without a line feed"
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
        Refusal("GET / HTTP/1.1\rX", 400, noLineFeed),
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
        let outcome = check(refusal, in: "\r\n\(refusal.text)\r\nHost: a\r\n\r\n")
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
        Refusal("X: a\rb", 400, noLineFeed),
        Refusal("X: a\r\r\n", 400, noLineFeed),
        Refusal("\nX: a", 400, noColon),
        Refusal("\rX: a", 400, noLineFeed),
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
        let first = check(refusal, in: "GET /p HTTP/1.1\r\n\(refusal.text)\r\nHost: a\r\n\r\n")
        let later = check(refusal, in: "GET /p HTTP/1.1\r\nHost: a\r\n\(refusal.text)\r\n\r\n")
        #expect(first.requests.isEmpty && later.requests.isEmpty)
        #expect(first.refused?.hasPrefix("/p ") == true)
        #expect(later.refused?.hasPrefix("/p ") == true)
    }

    @Test(arguments: fieldLines)
    func `a bad trailer line`(refusal: Refusal) {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
        let outcome = check(refusal, in: "\(head)T: 1\r\n\(refusal.text)\r\n\r\n")
        #expect(outcome.requests.map(\.isComplete) == [false])
    }

    private static let notANumber = "Content-Length is not a number"
    private static let severalLengths = "More than one Content-Length"
    private static let notJustChunked = "Transfer-Encoding is not just chunked"
    private static let otherCoding = "A transfer coding other than chunked"

    static let framings = [
        Refusal("Content-Length: 5\r\nTransfer-Encoding: chunked", 400, "Both Content-Length and Transfer-Encoding"),
        Refusal("Transfer-Encoding: chunked\r\nContent-Length: 5", 400, "Both Content-Length and Transfer-Encoding"),
        Refusal("Transfer-Encoding: x\r\nContent-Length: x", 400, "Both Content-Length and Transfer-Encoding"),
        Refusal("Content-Length: 5\r\nContent-Length: 6", 400, severalLengths),
        Refusal("Content-Length: 5\r\nX: y\r\ncontent-length: 5", 400, severalLengths),
        Refusal("Content-Length: 5, 5", 400, notANumber),
        Refusal("Content-Length: 5,", 400, notANumber),
        Refusal("Content-Length: +5", 400, notANumber),
        Refusal("Content-Length: -5", 400, notANumber),
        Refusal("Content-Length: 0x5", 400, notANumber),
        Refusal("Content-Length: 5 5", 400, notANumber),
        Refusal("Content-Length: 5.0", 400, notANumber),
        Refusal("Content-Length: \u{665}", 400, notANumber),
        Refusal("Content-Length:", 400, notANumber),
        Refusal("Content-Length: x", 400, notANumber),
        Refusal("Content-Length: 9223372036854775808", 400, "Content-Length is out of range"),
        Refusal("Content-Length: 18446744073709551621", 400, "Content-Length is out of range"),
        Refusal("Content-Length: 9223372036854775807", 413, "The body is longer than 1048576 bytes"),
        Refusal("Content-Length: 1048577", 413, "The body is longer than 1048576 bytes"),
        Refusal("Transfer-Encoding: gzip", 501, otherCoding),
        Refusal("Transfer-Encoding: identity", 501, otherCoding),
        Refusal("Transfer-Encoding: gzip, chunked", 501, otherCoding),
        Refusal("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", 501, otherCoding),
        Refusal("Transfer-Encoding: gzip;q=1", 501, otherCoding),
        Refusal("Transfer-Encoding: xchunked", 501, otherCoding),
        Refusal("Transfer-Encoding: chunked1", 501, otherCoding),
        // The Kelvin sign, of which Unicode makes a k.
        Refusal("Transfer-Encoding: chun\u{212A}ed", 501, otherCoding),
        Refusal("Transfer-Encoding: chunked, chunked", 400, notJustChunked),
        Refusal("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400, notJustChunked),
        Refusal("Transfer-Encoding: chunked, gzip", 400, notJustChunked),
        Refusal("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", 400, notJustChunked),
        Refusal("Transfer-Encoding: chunked;q=1", 400, notJustChunked),
        Refusal("Transfer-Encoding: chunked ;q", 400, notJustChunked),
        Refusal("Transfer-Encoding: \"chunked\"", 501, otherCoding),
        Refusal("Transfer-Encoding: chunked,", 400, notJustChunked),
        Refusal("Transfer-Encoding: ,chunked", 400, notJustChunked),
        Refusal("Transfer-Encoding:", 400, notJustChunked),
        Refusal("Expect: 200-ok", 417, "Only 100-continue can be expected"),
        Refusal("Expect: 100-continue, x", 417, "Only 100-continue can be expected"),
        Refusal("Host: a", 400, "More than one Host field"),
        Refusal("host: b", 400, "More than one Host field"),
    ]

    @Test(arguments: framings)
    func `bad framing, and other fields that must not be guessed at`(refusal: Refusal) {
        let outcome = check(
            refusal,
            in: "POST /p?q HTTP/1.1\r\nHost: a\r\n\(refusal.text)\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        )
        #expect(outcome.requests.isEmpty)
        #expect(outcome.refused?.hasPrefix("/p ") == true)
    }

    @Test(
        arguments: [
            "a b", "a/b", "a@b", "a:b", "a:80:80", ":80", "a:655350", "[::1", "::1", "[]", "[::1]x", "[:/:]",
            "a%2", "a%zz", "a,b?", "\u{E9}", "a\\b", "http://a",
        ]
    )
    func `an invalid host`(host: String) {
        let refusal = Refusal(host, 400, "The Host field is invalid")
        #expect(check(refusal, in: "GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n").requests.isEmpty)
        _ = check(refusal, in: "GET / HTTP/1.0\r\nHost: \(host)\r\n\r\n")
        _ = check(refusal, in: "GET http://a/ HTTP/1.1\r\nHost: \(host)\r\n\r\n")
    }

    @Test func `HTTP 1 1 needs a host, also with an absolute target`() {
        let refusal = Refusal("", 400, "The Host field is missing")
        _ = check(refusal, in: "GET / HTTP/1.1\r\n\r\n")
        _ = check(refusal, in: "GET / HTTP/1.1\r\nX-Host: a\r\n\r\n")
        _ = check(refusal, in: "GET http://a/ HTTP/1.1\r\n\r\n")
    }

    @Test func `HTTP 1 0 has no transfer codings, and not two hosts either`() {
        _ = check(
            Refusal("", 400, "Transfer-Encoding in HTTP/1.0"),
            in: "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        _ = check(Refusal("", 400, "More than one Host field"), in: "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n")
    }

    private static let badSize = "A chunk's size has an invalid character"

    static let chunks = [
        Refusal("\r\nhello", 400, "A chunk has no size"),
        Refusal(";a\r\nhello", 400, "A chunk has no size"),
        Refusal("0x5\r\nhello", 400, badSize),
        Refusal("+5\r\nhello", 400, badSize),
        Refusal("-5\r\nhello", 400, badSize),
        Refusal(" 5\r\nhello", 400, badSize),
        Refusal("5 \r\nhello", 400, badSize),
        Refusal("5 ;a\r\nhello", 400, badSize),
        Refusal("5\t\r\nhello", 400, badSize),
        Refusal("g\r\nhello", 400, badSize),
        Refusal("5\nhello\r\n", 400, badSize),
        Refusal("5\rhello\r\n", 400, noLineFeed),
        Refusal("5;a\nhello\r\n", 400, "A chunk's extension has a control character"),
        Refusal("5;a\0\r\nhello\r\n", 400, "A chunk's extension has a control character"),
        Refusal("5;a\r\r\nhello\r\n", 400, noLineFeed),
        Refusal("4\r\nhello\r\n", 400, "A chunk is longer than its size"),
        Refusal("5\r\nhello0\r\n", 400, "A chunk is longer than its size"),
        Refusal("5\r\nhello\n0\r\n", 400, "A chunk is longer than its size"),
        Refusal("5\r\nhello\r0\r\n", 400, noLineFeed),
        Refusal("00000000000000005\r\nhello\r\n", 400, "A chunk's size is too long"),
        Refusal("10000000000000000\r\nhello\r\n", 400, "A chunk's size is too long"),
        Refusal("FFFFFFFFFFFFFFFF\r\nhello\r\n", 413, "The body is longer than 1048576 bytes"),
        Refusal("8000000000000000\r\nhello\r\n", 413, "The body is longer than 1048576 bytes"),
        Refusal("100001\r\nhello\r\n", 413, "The body is longer than 1048576 bytes"),
    ]

    @Test(arguments: chunks)
    func `a bad chunk, first and later`(refusal: Refusal) {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        let first = check(refusal, in: "\(head)\(refusal.text)\r\n0\r\n\r\n")
        #expect(first.requests.map(\.isComplete) == [false])
        let later = check(refusal, in: "\(head)2\r\nab\r\n\(refusal.text)\r\n0\r\n\r\n")
        #expect(later.requests.first?.body.hasPrefix("ab") == true)
        // The head was handed out before; what refers to the body has nothing to tell about it.
        #expect(first.refused == nil && later.refused == nil)
    }

    @Test(arguments: ["\r", "\n", "\r\n\r\n", "\r\n\n"])
    func `more than one empty line before a request`(text: String) {
        let reason = text == "\r" ? Self.noLineFeed : "The request line is empty"
        _ = check(Refusal(text, 400, reason), in: "\(text)GET / HTTP/1.1\r\nHost: a\r\n\r\n")
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
