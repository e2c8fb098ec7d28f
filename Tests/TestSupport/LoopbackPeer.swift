import Glibc

/// The server's end of one connection. Its socket blocks, for ten seconds at most.
package final class LoopbackPeer {
    package struct Request: Equatable {
        /// Without the empty line behind it.
        package var head: String
        package var body: [UInt8]

        /// The value of a header field; nil where there is none.
        package func field(_ name: String) -> String? {
            head.split(separator: "\r\n").first { $0.lowercased().hasPrefix(name.lowercased() + ": ") }
                .map { String($0.dropFirst(name.utf8.count + 2)) }
        }
    }

    private let socket: Int32
    private var isOpen = true
    private var received: [UInt8] = []

    init(_ socket: Int32) {
        self.socket = socket
        SocketFailure.limitWaiting(of: socket)
        var one: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit { close() }

    package func close() {
        if isOpen { Glibc.close(socket) }
        isOpen = false
    }

    /// Closes the connection the hard way (RST).
    package func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    // MARK: Receiving

    /// The next request, its body by `Content-Length`.
    package func request() throws -> Request {
        let mark = Array("\r\n\r\n".utf8)
        while true {
            if let end = received.indices.first(where: { received[$0...].starts(with: mark) }) {
                var request = Request(head: String(decoding: received[..<end], as: UTF8.self), body: [])
                let count = request.field("Content-Length").flatMap { Int($0) } ?? 0
                received.removeFirst(end + mark.count)
                while received.count < count { try receive() }
                request.body = Array(received.prefix(count))
                received.removeFirst(count)
                return request
            }
            try receive()
        }
    }

    private func receive() throws {
        var piece = [UInt8](repeating: 0, count: 65_536)
        let count = recv(socket, &piece, piece.count, 0)
        guard count > 0 else { throw SocketFailure(count == 0 ? "recv: end" : "recv") }
        received += piece[..<count]
    }

    /// Whether the other side has closed the connection, in whichever way. Does not wait.
    package var hasEnded: Bool {
        var byte: UInt8 = 0
        let count = recv(socket, &byte, 1, Int32(MSG_DONTWAIT | MSG_PEEK))
        return count == 0 || (count < 0 && errno != EAGAIN)
    }

    /// Returns when the other side has closed the connection, which must happen within ten seconds.
    package func waitForEnd() throws {
        var entry = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, 10_000) > 0, hasEnded else { throw SocketFailure("end") }
    }

    // MARK: Sending

    package func send(_ text: String) throws { try send(Array(text.utf8)[...]) }

    package func send(_ bytes: ArraySlice<UInt8>) throws {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { throw SocketFailure("send") }
            rest = rest.dropFirst(count)
        }
    }

    /// Sends of `bytes` what the other side and the system take, until they have taken no more for so many milliseconds.
    ///
    /// - Returns: how many bytes that were.
    package func sendUntilBlocked(_ bytes: [UInt8], patience: Int32 = 300) throws -> Int {
        var sent = 0
        while sent < bytes.count {
            var entry = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
            guard poll(&entry, 1, patience) > 0 else { return sent }
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
            }
            guard count > 0 || errno == EAGAIN else { throw SocketFailure("send") }
            sent += max(0, count)
        }
        return sent
    }

    /// The head of a response whose body comes in chunks.
    package func sendHead(status: String = "200 OK", type: String = "text/event-stream", _ fields: String...) throws {
        let lines = ["HTTP/1.1 \(status)", "Content-Type: \(type)", "Transfer-Encoding: chunked"] + fields
        try send(lines.joined(separator: "\r\n") + "\r\n\r\n")
    }

    /// One chunk of a body (RFC 9112, section 7.1).
    package func sendChunk(_ text: String) throws {
        try send("\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n")
    }

    package func sendLastChunk() throws { try send("0\r\n\r\n") }

    /// A whole response.
    package func respond(status: String = "200 OK", type: String = "text/plain", _ body: String, _ fields: String...)
        throws
    {
        let lines = ["HTTP/1.1 \(status)", "Content-Type: \(type)", "Content-Length: \(body.utf8.count)"] + fields
        try send(lines.joined(separator: "\r\n") + "\r\n\r\n" + body)
    }
}
