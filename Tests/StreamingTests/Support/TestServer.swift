import HTTPServer
import Primitives

/// Answers every request by one closure.
struct ScriptedService: HTTPService {
    let respond: @Sendable (HTTPRequest) -> HTTPResponse

    func answer(_ request: HTTPRequest) -> HTTPAnswer { .now(respond(request)) }

    func response(to error: HTTPParseError, head: HTTPRequestHead?) -> HTTPResponse {
        HTTPResponse(status: error.status)
    }
}

/// A server on a free port of loopback, with loops of its own.
struct TestServer: Sendable {
    let group: EventLoopGroup
    let server: HTTPServer

    /// Serves while `body` runs, then lets go of every connection and thread.
    static func run(
        loops: Int,
        time: any TimeSource = SystemTimeSource(),
        respond: @escaping @Sendable (HTTPRequest) -> HTTPResponse,
        body: (TestServer) async throws -> Void
    ) async throws {
        var configuration = ServerConfiguration()
        configuration.port = 0
        let group = try EventLoopGroup(count: loops, time: time)
        let service = ScriptedService(respond: respond)
        let server = try await HTTPServer(configuration, group: group, service: service)
        do {
            try await body(TestServer(group: group, server: server))
        } catch {
            await end(server, group)
            throw error
        }
        await end(server, group)
    }

    private static func end(_ server: HTTPServer, _ group: EventLoopGroup) async {
        server.drain()
        server.closeAll()
        await server.waitUntilDrained()
        group.stop()
    }

    func connect(receiveBuffer: Int32? = nil) throws -> TestClient {
        try TestClient(port: server.port, receiveBuffer: receiveBuffer)
    }

    /// Connects, and sends a GET request for `path`.
    func get(_ path: String, version: String = "1.1", receiveBuffer: Int32? = nil) throws -> TestClient {
        let client = try connect(receiveBuffer: receiveBuffer)
        try client.send("GET \(path) HTTP/\(version)\r\nHost: localhost\r\n\r\n")
        return client
    }

    /// Returns when every loop has done what was asked of it before.
    func settle() async {
        for _ in 0..<3 {
            for loop in group.loops { await loop.barrier() }
        }
    }
}
