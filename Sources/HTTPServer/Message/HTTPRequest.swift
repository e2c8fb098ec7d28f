import Primitives

/// A whole request: its head and its body, which is never larger than the server's limit.
package struct HTTPRequest: Sendable {
    package var head: HTTPRequestHead
    package var body: [UInt8]
    package var peer: SocketAddress
    /// The loop of the connection. A handler runs on it, and so does what the handler starts there.
    package var loop: EventLoop

    package init(head: HTTPRequestHead, body: [UInt8], peer: SocketAddress, loop: EventLoop) {
        self.head = head
        self.body = body
        self.peer = peer
        self.loop = loop
    }
}
