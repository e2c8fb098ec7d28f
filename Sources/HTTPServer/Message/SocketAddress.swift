import Glibc

/// The address of a client. Nothing is formatted until somebody asks.
package struct SocketAddress: Sendable {
    private var storage: sockaddr_storage

    init(_ storage: sockaddr_storage) {
        self.storage = storage
    }

    /// An address for requests that came over no socket: the loopback's.
    package init() {
        storage = sockaddr_storage()
        storage.ss_family = sa_family_t(AF_INET)
    }

    /// The numeric host without the port, as `127.0.0.1` or `::1`.
    package var host: String {
        var storage = storage
        return withUnsafePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) { host in
                    let length = socklen_t(MemoryLayout<sockaddr_storage>.size)
                    let capacity = socklen_t(host.count)
                    guard getnameinfo(address, length, host.baseAddress, capacity, nil, 0, NI_NUMERICHOST) == 0,
                        let text = host.baseAddress
                    else { return "" }
                    return String(cString: text)
                }
            }
        }
    }
}
