import Primitives

/// The lines of an event stream besides its events (WHATWG HTML, section 9.2).
enum SSEText {
    /// How long a client waits before it reconnects.
    static func retry(milliseconds: Int) -> [UInt8] {
        var text: [UInt8] = []
        text.append(ascii: "retry: ")
        text.append(decimal: milliseconds)
        text.append(ascii: "\n\n")
        return text
    }

    /// A comment, which clients ignore: it shows proxies and both ends that the connection lives.
    static let comment = Array(":\n\n".utf8)

    /// What ends the answer to a `POST`.
    static let done = Array("data: [DONE]\n\n".utf8)
}
