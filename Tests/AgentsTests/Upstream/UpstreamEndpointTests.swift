import Testing

@testable import Agents

struct UpstreamEndpointTests {
    @Test(
        arguments: [
            ("https://api.example.org/v1", "https://api.example.org/v1"),
            ("https://api.example.org/v1//", "https://api.example.org/v1"), ("http://h", "http://h"),
            ("http://h/", "http://h"), ("http://[::1]:8080/v1", "http://[::1]:8080/v1"),
            ("https://user:pass@h:1/v1/", "https://user:pass@h:1/v1"),
        ]
    )
    func `an address is taken without slashes at its end`(text: String, url: String) throws {
        #expect(try UpstreamEndpoint(baseURL: text).baseURL == url)
    }

    @Test(
        arguments: [
            ("", "https://"), ("api.example.org/v1", "https://"), ("ftp://h/v1", "https://"), ("HTTPS://h", "https://"),
            ("http:/h", "https://"), ("http://", "host"), ("http:///v1", "host"), ("http://:80/v1", "host"),
            ("http://user:pass@/v1", "host"), ("http://user:pass@:80/v1", "host"), ("http://@/", "host"),
            ("http://h/v1?key=x", "'?'"), ("http://h/#x", "'#'"), ("http://h/a b", "spaces"), ("http://hé/", "ASCII"),
            ("http://h\n", "spaces"), ("http://h\u{7F}/", "ASCII"),
        ]
    )
    func `what is no address is refused, and not shown`(text: String, word: String) {
        let fault = #expect(throws: UpstreamEndpoint.Fault.self) { try UpstreamEndpoint(baseURL: text) }
        #expect(fault?.description.contains(word) == true, "\(fault?.description ?? "")")
        #expect(fault?.description.contains("pass") == false)
    }

    @Test func `a key has nothing that would end a header field`() {
        for key in ["", "sk-abc_DEF.123~+/=", "!#$"] { #expect(UpstreamEndpoint.isKey(key)) }
        for key in ["a b", "a\n", "a\r\nX: y", "\u{0}", "é", "\t", "\u{7F}"] { #expect(!UpstreamEndpoint.isKey(key)) }
    }

    @Test(
        arguments: [
            ("https://h:1/v1", "https://h:1/v1"), ("https://user:pass@h/v1", "https://h/v1"),
            ("https://user@h/a@b", "https://h/a@b"), ("http://us@er:pa@ss@h", "http://h"),
            ("http://h/a@b", "http://h/a@b"), ("http://u:s3c/r3t@h/v1", "http://h/v1"),
        ]
    )
    func `an address is shown without credentials`(url: String, shown: String) throws {
        #expect(try UpstreamEndpoint(baseURL: url).shownURL == shown)
    }

    @Test func `a password is left in no text, as it is written nor as it is sent`() throws {
        let endpoint = try UpstreamEndpoint(baseURL: "http://ada:p%40ss-w@h/v1")
        #expect(endpoint.redacted("p%40ss-w, p@ss-w") == "…, …")
    }

    @Test(
        arguments: [
            ("refused by h: bad key sk-12345, sk-12345!", "refused by h: bad key …, …!"),
            ("for login at http://login:login:word@h/v1", "for … at http://…:…@h/v1"),
            // A secret that begins as another does is not left there in part.
            ("login:word", "…"), ("key sk-12345\u{301}.", "key …\u{301}."), ("nothing to hide", "nothing to hide"),
            ("", ""),
        ]
    )
    func `no secret is left in a text`(text: String, redacted: String) throws {
        let endpoint = try UpstreamEndpoint(baseURL: "http://login:login:word@h/v1", key: "sk-12345")
        #expect(endpoint.redacted(text) == redacted)
    }

    @Test func `a secret that is cut off at the end of a long text is not left there in part`() throws {
        let endpoint = try UpstreamEndpoint(baseURL: "http://h", key: "sk-12345678")
        for length in 280...310 {
            let text = endpoint.redacted(String(repeating: "x", count: length) + "sk-12345678 tail")
            #expect(!text.contains("sk") && text.count <= 300)
        }
    }

    @Test func `texts without secrets are kept short, too`() throws {
        let endpoint = try UpstreamEndpoint(baseURL: "http://h")
        #expect(endpoint.redacted(String(repeating: "語", count: 1000)) == String(repeating: "語", count: 300))
    }
}
