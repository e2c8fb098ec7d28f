import CSystem
import Glibc

/// A listening socket of one loop. Several with the same port share its connections (`SO_REUSEPORT`).
struct Listener {
    let socket: Int32
    let port: UInt16

    /// Connections that the kernel holds until they are accepted.
    static let backlog: Int32 = 4096

    /// - Parameter isFirst: whether the port must be free. It is shared from then on, but not taken over unnoticed from
    ///   a program that shares it too.
    /// - Throws: `bind` with `EADDRINUSE` when another program has the port.
    /// - Parameter userTimeout: how long clients may leave what was sent unacknowledged, in milliseconds; then their
    ///   connections are broken (`TCP_USER_TIMEOUT`; RFC 5482).
    init(host: String, port: UInt16, isFirst: Bool, userTimeout: Int32) throws(SystemError) {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &found) == 0, let address = found else {
            throw SystemError("getaddrinfo(\(host))", number: EADDRNOTAVAIL)
        }
        defer { freeaddrinfo(found) }
        socket = Glibc.socket(
            address.pointee.ai_family,
            Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue),
            0
        )
        guard socket >= 0 else { throw SystemError("socket") }
        do throws(SystemError) {
            try Self.set(SO_REUSEADDR, to: 1, on: socket)
            if !isFirst { try Self.set(SO_REUSEPORT, to: 1, on: socket) }
            // Accepted sockets inherit these. Each write is whole, and waits for no acknowledgement.
            try Self.set(TCP_NODELAY, of: Int32(IPPROTO_TCP), to: 1, on: socket)
            try Self.set(TCP_USER_TIMEOUT, of: Int32(IPPROTO_TCP), to: userTimeout, on: socket)
            guard bind(socket, address.pointee.ai_addr, address.pointee.ai_addrlen) == 0 else {
                throw SystemError("bind")
            }
            if isFirst { try Self.set(SO_REUSEPORT, to: 1, on: socket) }
            guard listen(socket, Self.backlog) == 0 else { throw SystemError("listen") }
            self.port = try Self.port(of: socket)
        } catch {
            close(socket)
            throw error
        }
    }

    private static func set(
        _ option: Int32,
        of level: Int32 = SOL_SOCKET,
        to value: Int32,
        on socket: Int32
    ) throws(SystemError) {
        var value = value
        guard setsockopt(socket, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) == 0 else {
            throw SystemError("setsockopt")
        }
    }

    private static func port(of socket: Int32) throws(SystemError) -> UInt16 {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &length) }
        }
        guard result == 0 else { throw SystemError("getsockname") }
        // The port stands at the same place in IPv4 and IPv6 addresses.
        return withUnsafeBytes(of: storage) { UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self)) }
    }
}
