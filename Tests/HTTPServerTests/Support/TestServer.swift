import HTTPServer
import Primitives

/// A server on a free port of the loopback, with loops and a clock of its own.
struct TestServer: Sendable {
    let time: ManualTimeSource
    let group: EventLoopGroup
    let server: HTTPServer

    var loop: EventLoop { group.loops[0] }

    /// Runs `body` against a server that is gone afterwards. Handlers must be able to end.
    static func run(
        _ service: ScriptedService = .echo,
        loops: Int = 1,
        configure: (inout ServerConfiguration) -> Void = { _ in },
        _ body: (TestServer) async throws -> Void
    ) async throws {
        let time = ManualTimeSource()
        let group = try EventLoopGroup(count: loops, time: time)
        defer { group.stop() }
        var configuration = ServerConfiguration()
        configuration.port = 0
        configure(&configuration)
        let server = try await HTTPServer(configuration, group: group, service: service)
        do {
            try await body(TestServer(time: time, group: group, server: server))
        } catch {
            server.closeAll()
            throw error
        }
        server.closeAll()
        await server.waitUntilDrained()
    }

    func connect(host: String = "127.0.0.1", receiveBuffer: Int? = nil) throws -> RawClient {
        try RawClient(host: host, port: server.port, receiveBuffer: receiveBuffer)
    }

    /// Returns when the loops have handled what had reached their sockets at the call.
    func settle() async {
        for loop in group.loops {
            // The first finds the loop in the middle of a turn, the second ends with one that began after the call.
            await loop.barrier()
            await loop.barrier()
        }
    }

    /// Moves the clock on in steps of a tick until `isReached`, at most `limit`; returns by how much it had to.
    func advance(atMost limit: Duration, until isReached: () throws -> Bool) async rethrows -> Duration? {
        var passed = Duration.zero
        while try !isReached() {
            guard passed < limit else { return nil }
            time.advance(by: .seconds(1))
            passed += .seconds(1)
            await settle()
        }
        return passed
    }
}
