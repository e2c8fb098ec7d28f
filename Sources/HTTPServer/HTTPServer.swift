import Glibc
import Primitives

/// An HTTP/1.1 server over the loops of a group: each accepts, reads and writes for itself.
package struct HTTPServer: Sendable {
    /// The port that it listens on, chosen by the kernel where 0 was asked for.
    package let port: UInt16
    /// How many connections it accepts: the configured number, or what the process's descriptors allow.
    package let connectionLimit: Int
    private let servers: [LoopServer]

    /// Descriptors that are kept for databases, logs and listening sockets.
    private static let reservedDescriptors = 256
    /// How many of them may go to clients that are told that there are too many connections.
    private static let refusalDescriptors = 128

    /// Listens, and serves from then on.
    ///
    /// - Parameter address: where it has been taken before, by the same configuration.
    /// - Throws: `bind` with `EADDRINUSE`, `EACCES` or `EADDRNOTAVAIL` when the address is not to be had.
    package init(
        _ configuration: ServerConfiguration,
        at address: ServerAddress? = nil,
        group: EventLoopGroup,
        service: any HTTPService
    ) async throws(SystemError) {
        signal(SIGPIPE, SIG_IGN)
        let descriptors = Self.raiseDescriptorLimit()
        let others = Self.reservedDescriptors + min(configuration.otherDescriptors, descriptors / 2)
        let limit = min(configuration.maxConnections, max(1, descriptors - others))
        connectionLimit = limit
        let address = if let address { address } else { try ServerAddress(configuration) }
        var servers: [LoopServer] = []
        do throws(SystemError) {
            for loop in group.loops {
                let server = LoopServer(
                    loop: loop,
                    listener: servers.isEmpty ? address.listener : try address.another(configuration),
                    configuration: configuration,
                    connectionLimit: (limit + group.loops.count - 1) / group.loops.count,
                    refusalLimit: max(1, Self.refusalDescriptors / group.loops.count),
                    service: service
                )
                servers.append(server)
                try await Self.start(server)
            }
        } catch {
            for server in servers { server.loop.execute { server.closeAll() } }
            throw error
        }
        port = address.port
        self.servers = servers
    }

    private static func start(_ server: LoopServer) async throws(SystemError) {
        let failure: SystemError? = await withCheckedContinuation { continuation in
            server.loop.execute {
                do throws(SystemError) {
                    try server.start()
                    continuation.resume(returning: nil)
                } catch {
                    continuation.resume(returning: error)
                }
            }
        }
        if let failure { throw failure }
    }

    /// Takes all the descriptors that the process may have; returns how many.
    private static func raiseDescriptorLimit() -> Int {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return Int(clamping: limit.rlim_cur)
    }

    /// Accepts no more, closes idle connections, and lets the others end with their current response.
    package func drain() {
        for server in servers { server.loop.execute { server.drain() } }
    }

    /// Returns when every connection has ended by itself.
    package func waitUntilDrained() async {
        for server in servers { await server.waitUntilEmpty() }
    }

    /// Closes whatever is still open.
    package func closeAll() {
        for server in servers { server.loop.execute { server.closeAll() } }
    }
}
