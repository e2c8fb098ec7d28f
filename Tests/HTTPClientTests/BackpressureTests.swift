import HTTPClient
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct BackpressureTests {
    /// Of 32 MiB, more than the system's buffers hold; no two parts of a few hundred bytes are alike.
    private static let body: [UInt8] = {
        let block = (0..<65_521).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 8) }
        var body: [UInt8] = []
        for number in 0..<512 {
            body.append(UInt8(truncatingIfNeeded: number))
            body.append(contentsOf: block)
        }
        return body
    }()

    /// A response that nobody takes, as far as its server could send it.
    private func fill(_ client: TestClient, _ peer: LoopbackPeer, _ body: [UInt8]) throws -> Int {
        _ = try peer.request()
        try peer.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n")
        return try peer.sendUntilBlocked(body)
    }

    @Test func `a response that nobody takes waits at its server, and goes on when it is taken`() async throws {
        try await TestClient.run { client in
            let server = try LoopbackServer()
            let body = Self.body
            let transfer = await client.post(server.url)
            let peer = try server.accept()
            let sent = try fill(client, peer, body)
            // The rest is in the system's buffers.
            #expect(sent < body.count * 3 / 4)
            #expect(await transfer.look().end == nil)
            let first = await transfer.take()
            #expect(first.bytes.count >= 200_000 && first.bytes.count <= 300_000)
            let rest = Task.detached { [peer = Unchecked(peer)] in try peer.value.send(body[sent...]) }
            var received = first.bytes
            received += await transfer.take { _ in false }.bytes
            try await rest.value
            #expect(received == body)
            #expect(await transfer.look().end == .complete)
        }
    }

    @Test func `others go on while one waits`() async throws {
        try await TestClient.run { client in
            let server = try LoopbackServer()
            let transfer = await client.post(server.url)
            let peer = try server.accept()
            _ = try fill(client, peer, Self.body)
            for _ in 0..<3 { _ = try await client.exchange(server, body: "other").close() }
            #expect(await transfer.look().end == nil)
        }
    }

    @Test func `to let go of a response that waits closes its connection at once`() async throws {
        try await TestClient.run { client in
            let server = try LoopbackServer()
            let transfer = await client.post(server.url)
            let peer = try server.accept()
            _ = try fill(client, peer, Self.body)
            await transfer.letGo()
            #expect(peer.hasEnded)
        }
    }

    /// What one thread has handed over to another.
    private struct Unchecked<Value>: @unchecked Sendable {
        let value: Value

        init(_ value: Value) { self.value = value }
    }
}
