import Testing

@testable import HTTPServer

/// Each limit holds at its value and refuses one byte more, at every split.
@Suite struct HTTPLimitsTests {
    private func status(_ text: String, _ change: (inout HTTPLimits) -> Void) -> Int? {
        var limits = HTTPLimits()
        change(&limits)
        let outcome = ParserOutcome.atEverySplit(text, limits: limits)
        #expect((outcome.error == nil) == outcome.requests.contains { $0.isComplete })
        return outcome.error?.status.code
    }

    private func text(_ count: Int) -> String { String(repeating: "a", count: count) }

    @Test(arguments: [(10, nil), (11, 501)])
    func `the method`(count: Int, expected: Int?) {
        #expect(status("\(text(count)) / HTTP/1.1\r\nHost: a\r\n\r\n") { $0.method = 10 } == expected)
    }

    @Test(arguments: [(10, nil), (11, 414)])
    func `the target`(count: Int, expected: Int?) {
        #expect(status("GET /\(text(count - 1)) HTTP/1.1\r\nHost: a\r\n\r\n") { $0.target = 10 } == expected)
    }

    @Test func `a target is refused before its end has come`() {
        #expect(status("GET /\(text(10))") { $0.target = 10 } == 414)
    }

    @Test(arguments: [(17, nil), (18, 431)])
    func `a header line`(count: Int, expected: Int?) {
        for line in ["X: \(text(count - 3))", "\(text(count - 1)):", "X:\(String(repeating: " ", count: count - 2))"] {
            #expect(status("GET / HTTP/1.1\r\nHost: a\r\n\(line)\r\n\r\n") { $0.headerLine = 17 } == expected)
        }
    }

    @Test(arguments: [(30, nil), (31, 431)])
    func `all header fields together`(count: Int, expected: Int?) {
        // `Host: a` takes 9 bytes with its line end, `X: ` and the second line's end take 5.
        let fields = "Host: a\r\nX: \(text(count - 14))\r\n"
        #expect(fields.utf8.count == count)
        #expect(status("GET / HTTP/1.1\r\n\(fields)\r\n") { $0.headerBytes = 30 } == expected)
    }

    @Test func `one field more than all may take`() {
        #expect(status("GET / HTTP/1.1\r\nHost: a\r\nX:\r\n\r\n") { $0.headerBytes = 9 } == 431)
        #expect(status("GET / HTTP/1.1\r\nHost: a\r\n\r\n") { $0.headerBytes = 9 } == nil)
    }

    @Test(arguments: [(5, nil), (6, 431)])
    func `the number of header fields`(count: Int, expected: Int?) {
        let fields = String(repeating: "X: y\r\n", count: count - 1)
        #expect(status("GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n") { $0.headerCount = 5 } == expected)
    }

    @Test(arguments: [(10, nil), (11, 413)])
    func `a body of a length`(count: Int, expected: Int?) {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(count)\r\n\r\n"
        #expect(status(head + text(count)) { $0.body = 10 } == expected)
    }

    @Test func `a length beyond the limit is refused before the body`() {
        #expect(status("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n") { $0.body = 10 } == 413)
    }

    @Test(arguments: [(10, nil), (11, 413)])
    func `a chunked body`(count: Int, expected: Int?) {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        let whole = "\(String(count, radix: 16))\r\n\(text(count))\r\n0\r\n\r\n"
        let bytewise = String(repeating: "1\r\na\r\n", count: count) + "0\r\n\r\n"
        #expect(status(head + whole) { $0.body = 10 } == expected)
        #expect(status(head + bytewise) { $0.body = 10 } == expected)
    }

    @Test func `a chunk beyond the limit is refused before its data`() {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        #expect(status("\(head)6\r\nabcdef\r\n5\r\n") { $0.body = 10 } == 413)
    }

    @Test(arguments: [(20, nil), (21, 400)])
    func `a chunk's line`(count: Int, expected: Int?) {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        #expect(status("\(head)1;\(text(count - 2))\r\nx\r\n0\r\n\r\n") { $0.chunkLine = 20 } == expected)
    }

    @Test(arguments: [(5, nil), (6, 400)])
    func `all chunk extensions together`(count: Int, expected: Int?) {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        let body = String(repeating: "1;a\r\nx\r\n", count: count) + "0\r\n\r\n"
        #expect(status(head + body) { $0.chunkExtensionBytes = 10 } == expected)
    }

    @Test(arguments: [(20, nil), (21, 431)])
    func `the trailer`(count: Int, expected: Int?) {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        #expect(status("\(head)0\r\nT: \(text(count - 5))\r\n\r\n") { $0.trailerBytes = 20 } == expected)
        let fields = String(repeating: "T:\r\n", count: 4) + "T:\(text(count - 20))\r\n"
        #expect(status("\(head)0\r\n\(fields)\r\n") { $0.trailerBytes = 20 } == expected)
    }

    @Test(arguments: [(5, nil), (6, 431)])
    func `the number of trailer fields`(count: Int, expected: Int?) {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        let fields = String(repeating: "T: y\r\n", count: count)
        #expect(status("\(head)0\r\n\(fields)\r\n") { $0.headerCount = 5 } == expected)
    }
}
