/// How the server listens and what it allows. Times in nanoseconds.
package struct ServerConfiguration: Sendable {
    /// A numeric IPv4 or IPv6 address, or a name that resolves to one.
    package var host = "127.0.0.1"
    /// 0 takes a free port.
    package var port: UInt16 = 8000
    package var limits = HTTPLimits()
    /// How many connections may be open; more are answered 503 and closed.
    package var maxConnections = 100_000
    /// Descriptors that are kept free for connections to other servers; at most half of all there are.
    package var otherDescriptors = 0
    /// From the first byte of a request to the end of its header fields; then 408.
    package var headerTimeout: Int64 = 10_000_000_000
    /// From the end of the header fields to the end of the body; then 408.
    package var bodyTimeout: Int64 = 30_000_000_000
    /// Between requests; then the connection is closed.
    package var idleTimeout: Int64 = 75_000_000_000
    /// The longest silence on a streamed body before its producer is asked for something to send.
    package var keepAliveInterval: Int64 = 15_000_000_000
    /// How long a client may take nothing of what waits for it; then it is cut.
    package var stuckTimeout: Int64 = 30_000_000_000

    /// Where connections are counted.
    package var metrics = HTTPServerMetrics()

    package init() {}
}
