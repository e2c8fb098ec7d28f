import Glibc

/// The address of a client, without its port. Nothing is formatted until somebody asks.
package struct SocketAddress: Sendable {
    /// In network order; an IPv4 address stands in the first four bytes.
    private var bytes: (UInt64, UInt64) = (0, 0)
    private var scope: UInt32 = 0
    private var isIPv6 = false

    init(_ storage: sockaddr_storage) {
        var storage = storage
        isIPv6 = storage.ss_family == sa_family_t(AF_INET6)
        withUnsafePointer(to: &storage) { pointer in
            if isIPv6 {
                pointer.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { address in
                    scope = address.pointee.sin6_scope_id
                    withUnsafeMutableBytes(of: &bytes) { bytes in
                        withUnsafeBytes(of: address.pointee.sin6_addr) { bytes.copyMemory(from: $0) }
                    }
                }
            } else {
                pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { address in
                    withUnsafeMutableBytes(of: &bytes) { bytes in
                        withUnsafeBytes(of: address.pointee.sin_addr) { bytes.copyMemory(from: $0) }
                    }
                }
            }
        }
    }

    /// An address for requests that came over no socket: that of no host.
    package init() {}

    /// The numeric host, as `127.0.0.1` or `::1`; with its scope where it has one, as `fe80::1%2`.
    package var host: String {
        var bytes = bytes
        let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { text in
            let family = isIPv6 ? AF_INET6 : AF_INET
            let found = inet_ntop(family, &bytes, text.baseAddress, socklen_t(text.count))
            return found.map { String(cString: $0) } ?? ""
        }
        return scope == 0 ? text : "\(text)%\(scope)"
    }
}
