/// How large a request may be. What is larger is refused, not cut.
package struct HTTPLimits: Sendable {
    /// The request target in bytes; beyond it 414.
    package var target = 8192
    /// One header field's line in bytes; beyond it 431.
    package var headerLine = 16_384
    /// All header fields together in bytes; beyond it 431.
    package var headerBytes = 65_536
    /// The number of header fields; beyond it 431.
    package var headerCount = 100
    /// The body in bytes, after chunked framing is taken off; beyond it 413, without reading it.
    package var body = 1 << 20
    /// A chunk's line, extensions included, in bytes; beyond it 400.
    package var chunkLine = 256
    /// All trailer fields together in bytes; beyond it 431.
    package var trailerBytes = 8192

    package init() {}
}
