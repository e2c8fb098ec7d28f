/// A request without its body: what the parser makes of the request line and the header fields.
package struct HTTPRequestHead: Sendable {
    /// How the body is framed (RFC 9112, section 6).
    package enum Framing: Sendable, Equatable {
        case none
        case length(Int)
        case chunked
    }

    package var method: HTTPMethod
    /// The path of the request target, percent-encoded as it came, with a leading `/` (or `*` of `OPTIONS *`).
    package var path: String
    /// What follows the first `?` of the target, as it came; empty without one.
    package var query: String
    /// 1 for HTTP/1.1, 0 for HTTP/1.0.
    package var minorVersion: Int
    package var headers: HTTPHeaders
    package var framing: Framing
    /// Whether the connection may serve another request after this one (RFC 9112, section 9.3).
    package var keepsAlive: Bool
    /// Whether the client waits for `100 Continue` before it sends the body (RFC 9110, section 10.1.1).
    package var expectsContinue: Bool
}
