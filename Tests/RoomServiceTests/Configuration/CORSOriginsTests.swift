import Testing

@testable import RoomService

struct CORSOriginsTests {
    @Test func `a list keeps its order and is in lower case, as browsers send origins`() {
        #expect(
            CORSOrigins("https://Chat.Example.org , http://localhost:3000,http://[::1]:80")
                == CORSOrigins.list(["https://chat.example.org", "http://localhost:3000", "http://[::1]:80"])
        )
        #expect(CORSOrigins("*") == CORSOrigins.any)
        #expect(CORSOrigins("none") == CORSOrigins.list([]))
    }

    @Test(
        arguments: [
            "", ",", "null", "ftp://a", "https://a b", "https://a/path", "https://u@a", "https://*.example",
            "https://a?",
            "https://a\nb", "https://ä.example", "https://a,,https://b",
        ]
    )
    func `what no browser sends as an origin is refused`(text: String) {
        #expect(CORSOrigins(text) == nil)
    }
}
