import Glibc
import Synchronization

/// A socket that blocks, for ten seconds at most.
package final class TestSocket: Sendable {
    package enum Failure: Error {
        case system(String, Int32)
        case ended
    }

    private let descriptor: Int32
    /// What was received and not taken.
    private let received = Mutex<[UInt8]>([])

    package init(adopting descriptor: Int32) {
        self.descriptor = descriptor
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Connects to a port of the loopback.
    package convenience init(port: Int) throws {
        self.init(adopting: try Self.make())
        var address = Self.loopback(port)
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, Self.addressSize) }
        }
        guard status == 0 else { throw Failure.system("connect", errno) }
    }

    deinit { Glibc.close(descriptor) }

    /// Has the other side hear that it has ended, and all reads and writes fail.
    package func end() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// Returns what comes next; nothing at the end.
    package func read() throws -> [UInt8] {
        var piece = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &piece, piece.count, 0)
        guard count >= 0 else { throw Failure.system("recv", errno) }
        return Array(piece[..<count])
    }

    package func write(_ text: String) throws { try write(Array(text.utf8)) }

    package func write(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { throw Failure.system("send", errno) }
            rest = rest.dropFirst(count)
        }
    }

    /// The words of the next command that comes.
    package func command() throws -> [String] {
        var words: [String] = []
        for _ in 0..<(Int(try line().dropFirst()) ?? 0) {
            let size = Int(try line().dropFirst()) ?? 0
            words.append(String(decoding: try take(size + 2).dropLast(2), as: UTF8.self))
        }
        return words
    }

    private func line() throws -> String {
        while true {
            let end = received.withLock { $0.firstIndex(of: UInt8(ascii: "\n")) }
            if let end { return String(decoding: try take(end + 1).dropLast(2), as: UTF8.self) }
            try receive()
        }
    }

    private func take(_ count: Int) throws -> [UInt8] {
        while received.withLock({ $0.count }) < count { try receive() }
        return received.withLock { received in
            defer { received.removeFirst(count) }
            return Array(received[..<count])
        }
    }

    private func receive() throws {
        let bytes = try read()
        guard !bytes.isEmpty else { throw Failure.ended }
        received.withLock { $0 += bytes }
    }

    // MARK: Listening

    /// A socket that listens on a free port of the loopback, and the port.
    package static func listen() throws -> (descriptor: Int32, port: Int) {
        let listener = try make()
        var address = loopback(0)
        var size = addressSize
        let status = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && Glibc.listen(listener, 512) == 0
                    ? getsockname(listener, $0, &size) : -1
            }
        }
        guard status == 0 else { throw Failure.system("listen", errno) }
        return (listener, Int(UInt16(bigEndian: address.sin_port)))
    }

    package static func freePort() throws -> Int {
        let (listener, port) = try listen()
        Glibc.close(listener)
        return port
    }

    private static let addressSize = socklen_t(MemoryLayout<sockaddr_in>.size)

    private static func make() throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure.system("socket", errno) }
        return descriptor
    }

    private static func loopback(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        return address
    }
}
