import Glibc
import HTTPClient
import Primitives
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct HTTPClientTests {
    @Test func `a request is sent as it was given`() async throws {
        try await TestClient.run { client in
            let server = try LoopbackServer()
            let body = String(repeating: "día ", count: 100_000)
            let transfer = await client.post("http://ada:pass@127.0.0.1:\(server.port)/v1/x", body) {
                $0.headers = [("Content-Type", "application/json"), ("X-Name", "value: of it")]
            }
            let peer = try server.accept()
            let request = try peer.request()
            #expect(request.head.hasPrefix("POST /v1/x HTTP/1.1\r\nHost: 127.0.0.1:\(server.port)\r\n"))
            #expect(request.field("Content-Type") == "application/json" && request.field("X-Name") == "value: of it")
            #expect(request.field("Authorization") == "Basic YWRhOnBhc3M=")
            #expect(request.field("Expect") == nil && request.field("Content-Length") == "\(body.utf8.count)")
            #expect(String(decoding: request.body, as: UTF8.self) == body)
            try peer.respond(status: "201 Made", type: "text/x; charset=utf-8", "día", "Retry-After: 7")
            let response = await transfer.response()
            #expect(response.status == 201 && response.contentType == "text/x; charset=utf-8")
            #expect(response.retryAfter == 7 && response.text == "día" && response.end == .complete)
        }
    }

    @Test func `what is known of a response is known before its body comes`() async throws {
        try await TestClient.run { client in
            let server = try LoopbackServer()
            let (transfer, peer) = try await client.begin(server)
            var state = await transfer.look()
            #expect(state.status == nil && state.end == nil && state.contentType.isEmpty && state.retryAfter == nil)
            try peer.sendHead(status: "503 Busy", "Retry-After: Wed, 21 Oct 2099 07:28:00 GMT")
            try peer.sendChunk("a")
            state = await transfer.take { $0.text == "a" }
            #expect(state.status == 503 && state.contentType == "text/event-stream" && state.end == nil)
            #expect(state.retryAfter ?? 0 > 1_000_000_000)
            try peer.sendLastChunk()
            #expect(await transfer.response().end == .complete)
        }
    }

    @Test func `what comes is there at once, piece by piece`() async throws {
        try await TestClient.run { client in
            let server = try LoopbackServer()
            let (transfer, peer) = try await client.begin(server)
            try peer.sendHead()
            for number in 0..<100 {
                try peer.sendChunk("piece \(number)")
                #expect(await transfer.take { $0.text == "piece \(number)" }.end == nil)
            }
            try peer.sendLastChunk()
            let end = await transfer.response()
            #expect(end.end == .complete && end.bytes.isEmpty)
        }
    }

    @Test func `a body may end with the connection`() async throws {
        try await TestClient.run { client in
            let server = try LoopbackServer()
            let (transfer, peer) = try await client.begin(server)
            try peer.send("HTTP/1.1 200 OK\r\n\r\nall of it")
            peer.close()
            let response = await transfer.response()
            #expect(response.text == "all of it" && response.end == .complete)
        }
    }

    @Test func `a request does not wait for the response to another`() async throws {
        try await TestClient.run { client in
            let server = try LoopbackServer()
            let first = await client.post(server.url, "first")
            let second = await client.post(server.url, "second")
            let peers = [try server.accept(), try server.accept()]
            let bodies = try peers.map { String(decoding: try $0.request().body, as: UTF8.self) }
            #expect(bodies.sorted() == ["first", "second"])
            for (peer, body) in zip(peers, bodies) { try peer.respond(body) }
            let texts = [await first.response().text, await second.response().text]
            #expect(texts == ["first", "second"])
        }
    }

    @Test func `hundreds of transfers run at once, each with its own response`() async throws {
        try await TestClient.run(loops: 2) { client in
            let server = try LoopbackServer()
            var transfers: [TestTransfer] = []
            for number in 0..<200 { transfers.append(await client.post(server.url, "\(number)", loop: number % 2)) }
            var peers: [(peer: LoopbackPeer, name: String)] = []
            for _ in 0..<200 {
                let peer = try server.accept()
                peers.append((peer, String(decoding: try peer.request().body, as: UTF8.self)))
                try peer.sendHead()
            }
            for round in 0..<5 {
                for (peer, name) in peers.shuffled() { try peer.sendChunk("\(name):\(round) ") }
            }
            for (peer, _) in peers { try peer.sendLastChunk() }
            for (number, transfer) in transfers.enumerated() {
                let response = await transfer.response()
                #expect(response.text == (0..<5).map { "\(number):\($0) " }.joined())
                #expect(response.end == .complete)
            }
        }
    }

    @Test func `closing a client closes its idle connections`() async throws {
        try await TestClient.run(loops: 2) { client in
            let server = try LoopbackServer()
            var peers: [LoopbackPeer] = []
            var transfers: [TestTransfer] = []
            for loop in [0, 0, 1] {
                let transfer = await client.post(server.url, loop: loop)
                let peer = try server.accept()
                _ = try peer.request()
                try peer.sendHead()
                try peer.sendChunk("a")
                #expect(await transfer.take { $0.text == "a" }.end == nil)
                peers.append(peer)
                transfers.append(transfer)
            }
            for (peer, transfer) in zip(peers, transfers) {
                try peer.sendLastChunk()
                #expect(await transfer.response().end == .complete)
                await transfer.letGo()
                #expect(!peer.hasEnded)
            }
            await client.client.close()
            #expect(peers.map(\.hasEnded) == [true, true, true])
        }
    }
}
