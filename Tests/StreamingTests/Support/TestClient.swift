import Glibc

/// A plain blocking client on one socket. No wait is longer than its limit: a test fails instead of hanging.
final class TestClient {
    struct Failure: Error {
        var reason: String
    }

    private let socket: Int32
    private(set) var received: [UInt8] = []
    private(set) var hasEnded = false

    private static let limit: Int32 = 20_000

    init(port: UInt16, receiveBuffer: Int32? = nil) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var size = receiveBuffer {
            setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafeBytes(of: &address) { bytes in
            Glibc.connect(
                socket,
                bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self),
                socklen_t(MemoryLayout<sockaddr_in>.size)
            )
        }
        guard result == 0 else { throw Failure(reason: "connect: \(errno)") }
    }

    deinit { Glibc.close(socket) }

    func send(_ text: String) throws {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { throw Failure(reason: "send: \(errno)") }
            bytes = bytes.dropFirst(count)
        }
    }

    /// Reads until `isEnough`, which is asked after each piece, or until the server ends.
    func read(until isEnough: (TestClient) throws -> Bool) throws {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while try !hasEnded && !isEnough(self) {
            var poll = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
            guard Glibc.poll(&poll, 1, Self.limit) > 0 else {
                let end = String(decoding: received.suffix(300), as: UTF8.self)
                throw Failure(reason: "nothing came for long; so far: \(end)")
            }
            let count = recv(socket, &buffer, buffer.count, 0)
            guard count >= 0 else { throw Failure(reason: "recv: \(errno)") }
            if count == 0 { hasEnded = true }
            buffer.withUnsafeBytes { received.append(contentsOf: $0[..<max(0, count)]) }
        }
    }

    /// Where the body begins, once the head is there.
    private var bodyStart: Int?

    /// The bytes behind the head.
    var body: ArraySlice<UInt8> {
        if bodyStart == nil { bodyStart = received.end(of: "\r\n\r\n", from: 0) }
        return bodyStart.map { received[$0...] } ?? []
    }

    /// Reads until `text` has come.
    func read(untilBodyHas text: String) throws {
        var start = bodyStart ?? 0
        try read { client in
            defer { start = max(start, client.received.count - text.utf8.count) }
            return client.received.end(of: text, from: start) != nil
        }
        guard !hasEnded else { throw Failure(reason: "the server ended before \(text)") }
    }

    /// Reads to the end of a chunked body, and decodes it.
    func stream() throws -> EventStream {
        try read { client in client.received.suffix(5).elementsEqual("0\r\n\r\n".utf8) }
        let body = try ChunkedBody(Array(self.body))
        guard body.isComplete, body.rest.isEmpty else { throw Failure(reason: "the body is not complete") }
        return try EventStream(body.content)
    }

    /// Reads a body without chunks up to and with `end`, and decodes it.
    func unframedStream(through end: String) throws -> EventStream {
        try read(untilBodyHas: end)
        return try EventStream(Array(body))
    }
}

extension [UInt8] {
    /// Where `text` ends that is found first from `start` on, or nil.
    fileprivate func end(of text: String, from start: Int) -> Int? {
        let text = Array(text.utf8)
        return withUnsafeBytes { bytes in
            var place = start
            while place + text.count <= bytes.count,
                let found = memchr(bytes.baseAddress! + place, Int32(text[0]), bytes.count - place)
            {
                place = UnsafeRawPointer(found) - bytes.baseAddress!
                guard place + text.count <= bytes.count else { return nil }
                if memcmp(found, text, text.count) == 0 { return place + text.count }
                place += 1
            }
            return nil
        }
    }
}
