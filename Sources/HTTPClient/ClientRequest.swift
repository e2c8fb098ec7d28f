/// A request to another server.
package struct ClientRequest: Sendable {
    /// `http` or `https`. What it has before an `@` are credentials.
    package var url: String
    /// Names and values, which must not hold CR, LF or NUL.
    package var headers: [(name: String, value: String)] = []
    package var body: [UInt8]
    /// For name resolution, TCP and TLS, in milliseconds.
    package var connectTimeout = 5000
    /// Whether no connection may be used that is there already.
    package var needsFreshConnection = false
    /// A file of the certificate authorities to trust instead of the system's, in PEM.
    package var authorities: String?

    package init(url: String, body: [UInt8]) {
        self.url = url
        self.body = body
    }
}
