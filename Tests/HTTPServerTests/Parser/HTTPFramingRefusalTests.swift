import Testing

@testable import HTTPServer

/// What must be refused as it leaves open where a request ends, or for whom it is. All of it is checked at every split.
@Suite struct HTTPFramingRefusalTests {
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
        let outcome = refusal.check(
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
        #expect(refusal.check(in: "GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n").requests.isEmpty)
        _ = refusal.check(in: "GET / HTTP/1.0\r\nHost: \(host)\r\n\r\n")
        _ = refusal.check(in: "GET http://a/ HTTP/1.1\r\nHost: \(host)\r\n\r\n")
    }

    @Test func `HTTP 1 1 needs a host, also with an absolute target`() {
        let refusal = Refusal("", 400, "The Host field is missing")
        _ = refusal.check(in: "GET / HTTP/1.1\r\n\r\n")
        _ = refusal.check(in: "GET / HTTP/1.1\r\nX-Host: a\r\n\r\n")
        _ = refusal.check(in: "GET http://a/ HTTP/1.1\r\n\r\n")
    }

    @Test func `HTTP 1 0 has no transfer codings, and not two hosts either`() {
        _ = Refusal("", 400, "Transfer-Encoding in HTTP/1.0").check(
            in: "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        _ = Refusal("", 400, "More than one Host field").check(in: "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n")
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
        Refusal("5\rhello\r\n", 400, Refusal.noLineFeed),
        Refusal("5;a\nhello\r\n", 400, "A chunk's extension has a control character"),
        Refusal("5;a\0\r\nhello\r\n", 400, "A chunk's extension has a control character"),
        Refusal("5;a\r\r\nhello\r\n", 400, Refusal.noLineFeed),
        Refusal("4\r\nhello\r\n", 400, "A chunk is longer than its size"),
        Refusal("5\r\nhello0\r\n", 400, "A chunk is longer than its size"),
        Refusal("5\r\nhello\n0\r\n", 400, "A chunk is longer than its size"),
        Refusal("5\r\nhello\r0\r\n", 400, Refusal.noLineFeed),
        Refusal("00000000000000005\r\nhello\r\n", 400, "A chunk's size is too long"),
        Refusal("10000000000000000\r\nhello\r\n", 400, "A chunk's size is too long"),
        Refusal("FFFFFFFFFFFFFFFF\r\nhello\r\n", 413, "The body is longer than 1048576 bytes"),
        Refusal("8000000000000000\r\nhello\r\n", 413, "The body is longer than 1048576 bytes"),
        Refusal("100001\r\nhello\r\n", 413, "The body is longer than 1048576 bytes"),
    ]

    @Test(arguments: chunks)
    func `a bad chunk, first and later`(refusal: Refusal) {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        let first = refusal.check(in: "\(head)\(refusal.text)\r\n0\r\n\r\n")
        #expect(first.requests.map(\.isComplete) == [false])
        let later = refusal.check(in: "\(head)2\r\nab\r\n\(refusal.text)\r\n0\r\n\r\n")
        #expect(later.requests.first?.body.hasPrefix("ab") == true)
        // The head was handed out before; what refers to the body has nothing to tell about it.
        #expect(first.refused == nil && later.refused == nil)
    }
}
