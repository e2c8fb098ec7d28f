import HTTPClient
import HTTPServer
import Primitives
import TestSupport

/// A client with loops of its own, and a server that the test plays.
struct TestClient: Sendable {
    let group: EventLoopGroup
    let client: HTTPClient

    static func run(loops: Int = 1, _ body: (TestClient) async throws -> Void) async throws {
        let group = try EventLoopGroup(count: loops, time: SystemTimeSource())
        defer { group.stop() }
        let client = HTTPClient(group: group)
        try await body(TestClient(group: group, client: client))
    }

    func post(
        _ url: String,
        _ body: String = "{}",
        loop: Int = 0,
        set: (inout ClientRequest) -> Void = { _ in }
    ) async -> TestTransfer {
        var request = ClientRequest(url: url, body: Array(body.utf8))
        set(&request)
        return await .post(request, client, on: group.loops[loop])
    }

    /// Makes a request, which has come to the server; its answer is the test's.
    func begin(_ server: LoopbackServer) async throws -> (TestTransfer, LoopbackPeer) {
        let transfer = await post(server.url)
        let peer = try server.accept()
        _ = try peer.request()
        return (transfer, peer)
    }

    /// Makes a request and plays the server that answers it.
    ///
    /// - Parameter peer: the connection on which it must come; nil: a new one.
    func exchange(_ server: LoopbackServer, on peer: LoopbackPeer? = nil, body: String = "ok") async throws
        -> LoopbackPeer
    {
        let transfer = await post(server.url)
        let peer = try peer ?? server.accept()
        _ = try peer.request()
        try peer.respond(body)
        guard case let response = await transfer.response(), response.end == .complete, response.text == body else {
            throw SocketFailure("no response")
        }
        await transfer.letGo()
        return peer
    }
}
