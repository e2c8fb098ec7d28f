import Glibc

/// A client that sends the bytes it is told to, and understands no more of HTTP than where a response ends.
///
/// Its socket blocks, for ten seconds at most.
final class RawClient {
    enum Failure: Error, Equatable {
        /// A system call failed with that `errno`.
        case system(String, Int32)
        case timeout
        /// The server reset the connection.
        case reset
        /// The connection ended in the middle of a response.
        case ended
    }

    private let socket: Int32
    private var isOpen = true
    /// What was received, and where the part begins that was not taken yet.
    private var received: [UInt8] = []
    private var start = 0

    init(host: String = "127.0.0.1", port: UInt16, receiveBuffer: Int? = nil) throws {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &found) == 0, let address = found?.pointee else {
            throw Failure.system("getaddrinfo", 0)
        }
        defer { freeaddrinfo(found) }
        socket = Glibc.socket(address.ai_family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw Failure.system("socket", errno) }
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var one: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        if var size = receiveBuffer.map(Int32.init) {
            setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        guard Glibc.connect(socket, address.ai_addr, address.ai_addrlen) == 0 else {
            let number = errno
            Glibc.close(socket)
            throw Failure.system("connect", number)
        }
    }

    deinit { close() }

    func close() {
        if isOpen { Glibc.close(socket) }
        isOpen = false
    }

    /// Says that no more will be sent.
    func halfClose() {
        shutdown(socket, Int32(SHUT_WR))
    }

    /// Closes the connection the hard way (RST).
    func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    // MARK: Sending

    func send(_ text: String) throws {
        try send(Array(text.utf8)[...])
    }

    func send(_ bytes: ArraySlice<UInt8>) throws {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { throw Self.failure("send") }
            rest = rest.dropFirst(count)
        }
    }

    /// Sends what the socket takes without waiting; returns how many bytes that were.
    func sendWithoutWaiting(_ bytes: ArraySlice<UInt8>) -> Int {
        max(
            0,
            bytes.withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            }
        )
    }

    // MARK: Receiving

    /// The next response, its body by `Content-Length`, by chunks, or up to the end of the connection.
    func response(toHead: Bool = false) throws -> ClientResponse {
        var response = ClientResponse(head: try take(through: "\r\n\r\n"))
        let hasNoBody = toHead || response.status < 200 || response.status == 204 || response.status == 304
        if hasNoBody { return response }
        if response.fields["transfer-encoding"] == "chunked" {
            while case let chunk = try chunk(), !chunk.isEmpty {
                response.chunks.append(chunk.count)
                response.body += chunk
            }
        } else if let length = response.fields["content-length"].flatMap({ Int($0) }) {
            response.body = try take(length)
        } else {
            response.body = try rest()
        }
        return response
    }

    /// The head of the next response; its body is left where it is.
    func head() throws -> ClientResponse {
        ClientResponse(head: try take(through: "\r\n\r\n"))
    }

    /// The next chunk; empty for the last one.
    func chunk() throws -> [UInt8] {
        guard let size = Int(try take(through: "\r\n"), radix: 16) else { throw Failure.ended }
        let bytes = try take(size)
        _ = try take(2)
        return bytes
    }

    func take(_ count: Int) throws -> [UInt8] {
        while received.count - start < count {
            guard try receive() else { throw Failure.ended }
        }
        defer { start += count }
        return Array(received[start..<(start + count)])
    }

    /// Everything up to the end of the connection, which must not be a reset.
    func rest() throws -> [UInt8] {
        while try receive() {}
        return try take(received.count - start)
    }

    /// Whether the server has closed the connection and nothing is left to take. Does not wait.
    func hasEnded() throws -> Bool {
        do {
            while try receive(flags: Int32(MSG_DONTWAIT)) {}
            return start == received.count
        } catch Failure.timeout {
            return false
        }
    }

    /// Whether the connection is open and nothing has come that was not taken yet. Does not wait.
    func isSilent() throws -> Bool {
        do {
            while try receive(flags: Int32(MSG_DONTWAIT)) {}
            return false
        } catch Failure.timeout {
            return start == received.count
        }
    }

    /// The text before `end`, which is taken too.
    private func take(through end: String) throws -> String {
        let mark = Array(end.utf8)
        var searched = 0
        while true {
            while start + searched + mark.count <= received.count {
                let place = start + searched
                if received[place] == mark[0], received[place..<(place + mark.count)].elementsEqual(mark) {
                    let text = String(decoding: try take(searched), as: UTF8.self)
                    start += mark.count
                    return text
                }
                searched += 1
            }
            guard try receive() else { throw Failure.ended }
        }
    }

    /// Waits for more; false at the end of the connection.
    private func receive(flags: Int32 = 0) throws -> Bool {
        if start > 0, start == received.count {
            received.removeAll(keepingCapacity: true)
            start = 0
        }
        return try withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 1) { piece in
            let count = recv(socket, piece.baseAddress, piece.count, flags)
            guard count >= 0 else { throw Self.failure("recv") }
            received += piece[..<count]
            return count > 0
        }
    }

    private static func failure(_ call: String) -> Failure {
        switch errno {
        case EAGAIN: .timeout
        case ECONNRESET, EPIPE: .reset
        case let number: .system(call, number)
        }
    }
}
