/// The address at which a server is going to serve, taken before anything else is done. Whoever connects waits until an
/// `HTTPServer` is made with it. It is held until that server drains, or until the process ends.
package struct ServerAddress: Sendable {
    let listener: Listener

    /// Chosen by the kernel where 0 was asked for.
    package var port: UInt16 { listener.port }

    /// The kernel counts `TCP_USER_TIMEOUT` from the first retransmission on, which comes within that time, in nanoseconds.
    private static let retransmission: Int64 = 1_000_000_000

    /// - Throws: `bind` with `EADDRINUSE`, `EACCES` or `EADDRNOTAVAIL` when the address is not to be had.
    package init(_ configuration: ServerConfiguration) throws(SystemError) {
        listener = try Self.listener(configuration, port: configuration.port, isFirst: true)
    }

    /// Another socket at the same address, for another loop.
    func another(_ configuration: ServerConfiguration) throws(SystemError) -> Listener {
        try Self.listener(configuration, port: port, isFirst: false)
    }

    private static func listener(
        _ configuration: ServerConfiguration,
        port: UInt16,
        isFirst: Bool
    ) throws(SystemError) -> Listener {
        let userTimeout = max(configuration.stuckTimeout - retransmission, retransmission)
        return try Listener(
            host: configuration.host,
            port: port,
            isFirst: isFirst,
            userTimeout: Int32(clamping: userTimeout / 1_000_000)
        )
    }
}
