import Glibc
import HTTPClient
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct ConnectionReuseTests {
    @Test func `a connection is used again, by one request after the other`() async throws {
        try await TestClient.run { client in
            let server = try LoopbackServer()
            let peer = try await client.exchange(server)
            for _ in 0..<20 { _ = try await client.exchange(server, on: peer) }
            #expect(!server.hasConnection && !peer.hasEnded)
        }
    }

    @Test func `each loop has connections of its own`() async throws {
        try await TestClient.run(loops: 2) { client in
            let server = try LoopbackServer()
            let peer = try await client.exchange(server)
            let transfer = await client.post(server.url, loop: 1)
            let other = try server.accept()
            _ = try other.request()
            try other.respond("other")
            #expect(await transfer.response().text == "other")
            _ = try await client.exchange(server, on: peer)
        }
    }

    @Test func `a connection that the server has closed meanwhile is not used again`() async throws {
        try await TestClient.run { client in
            let server = try LoopbackServer()
            let peer = try await client.exchange(server)
            peer.close()
            _ = try await client.exchange(server)
        }
    }

    @Test(arguments: [#"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstale"#, "x"])
    func `what comes over an idle connection is nobody's response`(stale: String) async throws {
        try await TestClient.run { client in
            let server = try LoopbackServer()
            let peer = try await client.exchange(server)
            try peer.send(stale)
            // It is closed, which shows that the bytes were seen.
            try peer.waitForEnd()
            _ = try await client.exchange(server)
        }
    }

    @Test func `a connection whose server says that it ends is not used again`() async throws {
        try await TestClient.run { client in
            let server = try LoopbackServer()
            let (transfer, peer) = try await client.begin(server)
            try peer.respond("last", "Connection: close")
            #expect(await transfer.response().text == "last")
            #expect(peer.hasEnded)
            _ = try await client.exchange(server)
        }
    }

    @Test func `a response that is finished with may come to its end, and its connection is used again`() async throws {
        try await TestClient.run { client in
            let server = try LoopbackServer()
            let (transfer, peer) = try await client.begin(server)
            try peer.sendHead()
            try peer.sendChunk("data: [DONE]\n\n")
            #expect(await transfer.take { !$0.bytes.isEmpty }.end == nil)
            await transfer.finish()
            #expect(!peer.hasEnded)
            try peer.sendChunk("more that nobody needs")
            try peer.sendLastChunk()
            // Until the end is known, another request would get a connection of its own.
            try await peer.answerAgain(client, server)
            #expect(!server.hasConnection)
        }
    }

    @Test func `a response that has ended may be finished with, too`() async throws {
        try await TestClient.run { client in
            let server = try LoopbackServer()
            let (transfer, peer) = try await client.begin(server)
            try peer.respond("ok")
            #expect(await transfer.response().end == .complete)
            await transfer.finish()
            _ = try await client.exchange(server, on: peer)
        }
    }

    @Test func `a response that does not end though it is finished with is let go of after a second`() async throws {
        try await TestClient.run { client in
            let server = try LoopbackServer()
            let (transfer, peer) = try await client.begin(server)
            try peer.sendHead()
            try peer.sendChunk("data: [DONE]\n\n")
            #expect(await transfer.take { !$0.bytes.isEmpty }.end == nil)
            await transfer.finish()
            try peer.waitForEnd()
        }
    }

    @Test func `to let go of a response in its middle closes its connection at once`() async throws {
        try await TestClient.run { client in
            let server = try LoopbackServer()
            for part in 0..<4 {
                let (transfer, peer) = try await client.begin(server)
                if part > 0 { try peer.sendHead() }
                if part > 1 { try peer.sendChunk("a") }
                if part > 2 { #expect(await transfer.take { $0.text == "a" }.end == nil) }
                await transfer.letGo()
                #expect(peer.hasEnded, "part \(part)")
            }
        }
    }

    @Test func `to let go of one of several leaves the others alone`() async throws {
        try await TestClient.run { client in
            let server = try LoopbackServer()
            var transfers: [TestTransfer] = []
            var peers: [LoopbackPeer] = []
            for _ in 0..<3 {
                transfers.append(await client.post(server.url))
                peers.append(try server.accept())
                _ = try peers.last?.request()
                try peers.last?.sendHead()
            }
            await transfers[1].letGo()
            #expect(peers.map(\.hasEnded) == [false, true, false])
            for index in [0, 2] {
                try peers[index].sendChunk("\(index)")
                try peers[index].sendLastChunk()
                let response = await transfers[index].response()
                #expect(response.text == "\(index)" && response.end == .complete)
            }
        }
    }
}

extension LoopbackPeer {
    /// Answers one more request on this connection, which is idle within a moment.
    fileprivate func answerAgain(_ client: TestClient, _ server: LoopbackServer) async throws {
        // Two turns of the loop: one may be under way, and the next one reads what has been sent.
        for _ in 0..<2 { await client.group.loops[0].barrier() }
        _ = try await client.exchange(server, on: self)
    }
}
