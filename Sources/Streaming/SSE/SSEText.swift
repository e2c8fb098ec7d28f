import Primitives

/// The lines of an event stream besides its events (WHATWG HTML, section 9.2), plain or as chunks (RFC 9112, section 7.1).
/// All but one are literals, so that a subscriber holds no copy of them.
enum SSEText {
    /// How long a client is to wait before it reconnects. For the moment until it is sent, these bytes are the
    /// subscriber's own: the time is.
    static func retry(milliseconds: Int, isChunked: Bool) -> [UInt8] {
        var line: [UInt8] = []
        line.append(ascii: "retry: ")
        line.append(decimal: milliseconds)
        line.append(ascii: "\n\n")
        guard isChunked else { return line }
        var chunk: [UInt8] = []
        chunk.append(chunk: line)
        return chunk
    }

    /// A comment, which clients ignore: it shows proxies and both ends that the connection lives.
    static func comment(isChunked: Bool) -> StaticString {
        isChunked ? "3\r\n:\n\n\r\n" : ":\n\n"
    }

    /// What ends a body: the `[DONE]` that clients of such APIs wait for, where asked for, and the last chunk.
    static func ending(sendsDone: Bool, isChunked: Bool) -> StaticString {
        switch (sendsDone, isChunked) {
        case (true, true): "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"
        case (true, false): "data: [DONE]\n\n"
        case (false, true): "0\r\n\r\n"
        case (false, false): ""
        }
    }
}
