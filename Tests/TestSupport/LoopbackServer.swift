import Glibc

/// A server on a free port of the loopback that does what the test tells it to, and nothing of its own accord.
package final class LoopbackServer: Sendable {
    package let port: UInt16
    private let socket: Int32

    /// - Parameter backlog: connections that the system takes before `accept` does.
    package init(backlog: Int32 = 1024) throws {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw SocketFailure("socket") }
        SocketFailure.limitWaiting(of: socket)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(socket, address, length) == 0 && listen(socket, backlog) == 0
                    && getsockname(socket, address, &length) == 0
            }
        }
        self.socket = socket
        port = UInt16(bigEndian: address.sin_port)
        guard isListening else { throw SocketFailure("listen") }
    }

    deinit { close(socket) }

    package var url: String { "http://127.0.0.1:\(port)" }

    /// The next connection; waits for it, ten seconds at most.
    package func accept() throws -> LoopbackPeer {
        let connection = Glibc.accept(socket, nil, nil)
        guard connection >= 0 else { throw SocketFailure("accept") }
        return LoopbackPeer(connection)
    }

    /// Whether a connection waits to be accepted. Does not wait.
    package var hasConnection: Bool {
        var entry = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, 0) > 0
    }
}

/// A call to the system that has failed.
package struct SocketFailure: Error, Equatable {
    package var call: String
    package var number: Int32

    package init(_ call: String) {
        self.call = call
        number = errno
    }

    /// Ten seconds, so that a test that waits in vain fails.
    static func limitWaiting(of socket: Int32) {
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }
}
