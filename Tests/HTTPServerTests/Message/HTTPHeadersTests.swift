import Testing

@testable import HTTPServer

@Suite struct HTTPHeadersTests {
    private func headers(_ fields: String) throws -> HTTPHeaders {
        var parser = HTTPRequestParser(limits: HTTPLimits())
        var offset = 0
        let text = "GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
        guard case .head(let head) = try parser.next(Array(text.utf8).span, from: &offset) else { return HTTPHeaders() }
        return head.headers
    }

    @Test func `a look-up takes names in any case, and the first of several`() throws {
        let headers = try headers("X-One: 1\r\nx-ONE: 2\r\nX-On: 3\r\nEmpty:\r\n")
        #expect(headers["x-one"] == "1")
        #expect(headers["x-on"] == "3")
        #expect(headers["empty"] == "")
        #expect(headers["x-o"] == nil)
        #expect(headers.values("x-one") == ["1", "2"])
        #expect(headers.values("x") == [])
        #expect(headers.count(of: "x-one") == 2)
        #expect(headers.count == 5)
        #expect(headers.all.map(\.name) == ["Host", "X-One", "x-ONE", "X-On", "Empty"])
    }

    @Test func `only letters have two cases`() throws {
        // `@` and "`", `[` and `{` differ by the same bit as letters of either case.
        #expect(try headers("X^: 1\r\n")["x~"] == nil)
        #expect(try headers("X-1: 1\r\n")["x-q"] == nil)
    }

    @Test func `a list is searched element by element`() throws {
        let headers = try headers("Accept: a/b , TEXT/Event-Stream,,c\r\nAccept: last\r\nAccept-X: other\r\n")
        #expect(headers.contains("accept", token: "text/event-stream"))
        #expect(headers.contains("accept", token: "a/b"))
        #expect(headers.contains("accept", token: "c"))
        #expect(headers.contains("accept", token: "last"))
        #expect(!headers.contains("accept", token: "other"))
        #expect(!headers.contains("accept", token: "text"))
        #expect(!headers.contains("nothing", token: "c"))
    }

    @Test func `text is trimmed at both ends only`() {
        #expect(" a b ".trimming { $0 == " " } == "a b")
        #expect("   ".trimming { $0 == " " } == "")
        #expect("".trimming { $0 == " " } == "")
        #expect("a".trimming { $0 == " " } == "a")
    }

    @Test func `a method's name is kept`() {
        for name in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", ""] {
            #expect(HTTPMethod(name).name == name)
        }
        #expect(HTTPMethod("get") != .get)
    }
}
