/// What a connection has of the request that it reads. It is there only while one is read: the many connections that wait, or are
/// streamed to, need none.
///
/// Confined to the connection's loop.
final class IncomingRequest {
    var parser: HTTPRequestParser
    /// Nil until it has been read.
    var head: HTTPRequestHead?
    var body: [UInt8] = []

    init(limits: HTTPLimits) {
        parser = HTTPRequestParser(limits: limits)
    }

    /// Whether nothing of a request has come.
    var isIdle: Bool { parser.isIdle && head == nil }

    /// Whether it can serve another connection as well.
    var isFresh: Bool { parser.isFresh && head == nil }
}
