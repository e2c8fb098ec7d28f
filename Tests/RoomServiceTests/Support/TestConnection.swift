import Glibc

/// An HTTP/1.1 client over one blocking socket, apart from the server's code: sends what it is told, byte for byte, and
/// reads one response at a time.
final class TestConnection {
    enum Failure: Error {
        case system(String)
        /// Nothing came within the time limit, in which anything would have come.
        case silence
        /// The server closed the connection in the middle of something.
        case cut(received: String)
        case malformed(String)
    }

    private let socket: Int32
    /// What has come and is not read yet.
    private var received: [UInt8] = []
    /// What the body that is being streamed has brought and is not taken as an event yet.
    private var body: [UInt8] = []
    private var bodyHasEnded = true

    /// In seconds of real time: only a failing test ever waits for so long.
    private static let patience = 20

    init(port: UInt16) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw Failure.system("socket: \(errno)") }
        var limit = timeval(tv_sec: Self.patience, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Failure.system("connect: \(errno)") }
    }

    deinit { close(socket) }

    // MARK: Sending

    func send(_ text: String) throws {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { throw Failure.system("send: \(errno)") }
            bytes = bytes.dropFirst(count)
        }
    }

    /// Sends a request with `Host`, and `Content-Length` and a JSON type where there is a body.
    func sendRequest(
        _ method: String,
        _ target: String,
        _ body: String? = nil,
        headers: [(String, String)] = []
    ) throws {
        var text = "\(method) \(target) HTTP/1.1\r\nHost: test\r\n"
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        if let body {
            if !headers.contains(where: { $0.0 == "Content-Type" }) { text += "Content-Type: application/json\r\n" }
            text += "Content-Length: \(body.utf8.count)\r\n"
        }
        try send(text + "\r\n" + (body ?? ""))
    }

    // MARK: Reading

    /// A response with a body of known length.
    func response(toHead: Bool = false) throws -> TestResponse {
        var response = try head()
        guard !toHead, response.status != 204, response.status != 304 else { return response }
        guard let length = response["Content-Length"].flatMap({ Int($0) }) else {
            throw Failure.malformed("no Content-Length")
        }
        while received.count < length { try receive() }
        response.body = Array(received[..<length])
        received.removeFirst(length)
        return response
    }

    /// The status line and the header fields. If the body comes in chunks, `event` reads on.
    func head() throws -> TestResponse {
        let end = Array("\r\n\r\n".utf8)
        var place = received.firstRange(of: end)
        while place == nil {
            try receive()
            place = received.firstRange(of: end)
        }
        guard let place else { throw Failure.malformed("no head") }
        let text = String(decoding: received[..<place.lowerBound], as: UTF8.self)
        received.removeSubrange(..<place.upperBound)
        guard let response = TestResponse(head: text) else { throw Failure.malformed(text) }
        body = []
        bodyHasEnded = response["Transfer-Encoding"] != "chunked"
        return response
    }

    /// The next block of the event stream, or nil at its end.
    func event() throws -> TestEvent? {
        let end = Array("\n\n".utf8)
        while true {
            if let place = body.firstRange(of: end) {
                let text = String(decoding: body[..<place.lowerBound], as: UTF8.self)
                body.removeSubrange(..<place.upperBound)
                return TestEvent(text)
            }
            guard !bodyHasEnded else {
                guard body.isEmpty else { throw Failure.cut(received: String(decoding: body, as: UTF8.self)) }
                return nil
            }
            try readChunk()
        }
    }

    /// Whether nothing has come, not even the end, as far as the system knows now.
    var isQuiet: Bool {
        var byte: UInt8 = 0
        return received.isEmpty && body.isEmpty
            && recv(socket, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) < 0 && errno == EAGAIN
    }

    /// Says that no more will be sent.
    func halfClose() { shutdown(socket, Int32(SHUT_WR)) }

    /// Whether the server has closed the connection, with nothing left to read.
    func isClosed() throws -> Bool {
        do {
            try receive()
            return false
        } catch Failure.cut(let rest) {
            return rest.isEmpty
        }
    }

    private func readChunk() throws {
        let lineEnd = Array("\r\n".utf8)
        var place = received.firstRange(of: lineEnd)
        while place == nil {
            try receive()
            place = received.firstRange(of: lineEnd)
        }
        guard let place, let size = Int(String(decoding: received[..<place.lowerBound], as: UTF8.self), radix: 16)
        else {
            throw Failure.malformed("chunk size")
        }
        let end = place.upperBound + size
        while received.count < end + 2 { try receive() }
        guard received[end..<(end + 2)].elementsEqual(lineEnd) else { throw Failure.malformed("chunk end") }
        body += received[place.upperBound..<end]
        received.removeSubrange(..<(end + 2))
        bodyHasEnded = size == 0
    }

    private func receive() throws {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(socket, &buffer, buffer.count, 0)
        if count < 0, errno == EAGAIN { throw Failure.silence }
        guard count > 0 else { throw Failure.cut(received: String(decoding: received, as: UTF8.self)) }
        received += buffer[..<count]
    }
}

extension [UInt8] {
    fileprivate func firstRange(of pattern: [UInt8]) -> Range<Int>? {
        guard count >= pattern.count else { return nil }
        for start in 0...(count - pattern.count) where self[start..<(start + pattern.count)].elementsEqual(pattern) {
            return start..<(start + pattern.count)
        }
        return nil
    }
}
