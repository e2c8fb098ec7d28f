/// How large a request may be. What is larger is refused, not cut.
package struct HTTPLimits: Sendable {
    /// The method's name in bytes; beyond it 501 (RFC 9112, section 3).
    package var method = 32
    /// The request target in bytes; beyond it 414.
    package var target = 8192
    /// One header field's line in bytes, its line end aside; beyond it 431.
    package var headerLine = 16_384
    /// All header fields together in bytes, line ends included; beyond it 431.
    package var headerBytes = 65_536
    /// The number of header fields, and that of trailer fields; beyond it 431.
    package var headerCount = 100
    /// The body in bytes, after chunked framing is taken off; beyond it 413, without reading it.
    package var body = 1 << 20
    /// A chunk's line, extensions included, in bytes, its line end aside; beyond it 400.
    package var chunkLine = 256
    /// The chunk extensions of one body together in bytes; beyond it 400.
    /// Without it, a body of one-byte chunks could bring a multitude of its size.
    package var chunkExtensionBytes = 8192
    /// All trailer fields together in bytes, line ends included; beyond it 431.
    package var trailerBytes = 8192

    package init() {}
}
