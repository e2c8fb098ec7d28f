import HTTPServer
import Primitives

/// An HTML page, with what it may do.
struct WebPage: Sendable {
    private let file: StaticFile
    private let fields: [HTTPField]

    /// - Parameter policy: the page's Content Security Policy, its directives in order.
    init(_ file: StaticFile, policy: [String]) {
        self.file = file
        fields = [
            HTTPField("Content-Security-Policy", policy.joined(separator: "; ")),
            HTTPField("Referrer-Policy", "no-referrer"),
            HTTPField("Cross-Origin-Opener-Policy", "same-origin"),
        ]
    }

    func response(to head: HTTPRequestHead) -> HTTPResponse { file.response(to: head, adding: fields) }

    /// The page in the place of what browsers have asked for and there is not: nobody keeps it.
    func response(_ status: HTTPStatus) -> HTTPResponse {
        let others = [
            HTTPField("Content-Type", file.contentType),
            HTTPField("Cache-Control", "no-store"),
            HTTPField("X-Content-Type-Options", "nosniff"),
        ]
        return HTTPResponse(status: status, headers: others + fields, body: .bytes(file.bytes))
    }

    /// What the chat page may do: run, load and call what comes from this service, and nothing else. Its scripts cannot
    /// make HTML, or scripts, out of text (Trusted Types): the browser refuses it to all of them.
    static let chatPolicy = [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
}

extension HTTPRequestHead {
    /// Whether the client would rather have a page than JSON, as browsers say (RFC 9110, section 12.5.1). Who takes
    /// everything alike, or says nothing, is a program.
    var prefersPage: Bool {
        let ranges = MediaRange.ranges(in: headers.values("accept"))
        return MediaRange.weight(of: "text/html", in: ranges) > MediaRange.weight(of: "application/json", in: ranges)
    }
}
