import Glibc
import HTTPClient
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct TransferErrorTests {
    private func kind(_ state: TestTransfer.State) -> TransferError.Kind? {
        guard case .failed(let error)? = state.end else { return nil }
        #expect(!error.description.isEmpty)
        return error.kind
    }

    /// What becomes of a request whose server does that with it.
    private func kind(_ serve: @Sendable (LoopbackPeer) throws -> Void) async throws -> TransferError.Kind? {
        var kind: TransferError.Kind?
        try await TestClient.run { client in
            let server = try LoopbackServer()
            let (transfer, peer) = try await client.begin(server)
            try serve(peer)
            kind = self.kind(await transfer.response())
        }
        return kind
    }

    @Test func `a server that is not there cannot be reached`() async throws {
        try await TestClient.run { client in
            let url = try LoopbackServer().url
            let response = await client.post(url).response()
            #expect(kind(response) == .unreachable && response.status == nil)
        }
    }

    @Test(arguments: [
        "http://\(String(repeating: "a", count: 64))/", "http://a..b/", "http://[::1/", "ftp://127.0.0.1/",
    ])
    func `an address that means nobody cannot be reached`(url: String) async throws {
        try await TestClient.run { client in
            let kind = kind(await client.post(url).response())
            #expect(kind == (url.hasPrefix("ftp") ? .malformed : .unreachable))
        }
    }

    @Test func `trailers without end are given up`() async throws {
        let kind = try await kind { peer in
            try peer.sendHead()
            try peer.send("0\r\n")
            let field = Array("X-Trailer: \(String(repeating: "x", count: 1000))\r\n".utf8)
            // Until the other side closes the connection.
            while (try? peer.send(field[...])) != nil {}
        }
        #expect(kind == .malformed)
    }

    @Test func `a server that takes no connection is given up in time`() async throws {
        try await TestClient.run { client in
            let server = try LoopbackServer(backlog: 0)
            // These fill the queue of a server that accepts nothing; the system leaves the others without an answer.
            let fillers = try (0..<4).map { _ in try IdleConnection(to: server.port) }
            let transfer = await client.post(server.url) { $0.connectTimeout = 100 }
            #expect(kind(await transfer.response()) == .connectTimeout)
            withExtendedLifetime(fillers) {}
        }
    }

    @Test func `a connection that ends before the response does is cut`() async throws {
        #expect(try await kind { $0.close() } == .cut)
        #expect(try await kind { $0.reset() } == .cut)
        for end in [{ $0.close() }, { $0.reset() }] as [@Sendable (LoopbackPeer) -> Void] {
            let kinds = [
                try await kind { peer in
                    try peer.send("HTTP/1.1 200 O")
                    end(peer)
                },
                try await kind { peer in
                    try peer.sendHead()
                    try peer.sendChunk("a")
                    end(peer)
                },
                try await kind { peer in
                    try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
                    end(peer)
                },
            ]
            #expect(kinds == [.cut, .cut, .cut])
        }
    }

    @Test(arguments: [
        "hello\r\n\r\n", "SSH-2.0-OpenSSH_9.2p1\r\n", "\u{15}\u{3}\u{3}\u{0}\u{2}\u{2}\u{28}padded to be long enough\n",
        "HTTP/9.9 200 OK\r\n\r\n",
    ])
    func `what is no HTTP is malformed`(text: String) async throws {
        let kind = try await kind { peer in
            try peer.send(text)
            peer.close()
        }
        #expect(kind == .malformed)
    }

    @Test func `what came before the cut can be taken`() async throws {
        try await TestClient.run { client in
            let server = try LoopbackServer()
            let (transfer, peer) = try await client.begin(server)
            try peer.sendHead()
            try peer.sendChunk("so far")
            #expect(await transfer.take { $0.text == "so far" }.end == nil)
            try peer.sendChunk(", and more")
            peer.close()
            let response = await transfer.response()
            #expect(response.text == ", and more" && response.status == 200)
            #expect(kind(response) == .cut)
        }
    }

    @Test func `an error is one transfer's, and the next request is made as if nothing were`() async throws {
        try await TestClient.run { client in
            let server = try LoopbackServer()
            for _ in 0..<3 {
                let (transfer, peer) = try await client.begin(server)
                peer.reset()
                #expect(kind(await transfer.response()) == .cut)
                await transfer.letGo()
                try await client.exchange(server).close()
            }
        }
    }
}

/// A connection that is begun, whether or not the other side takes it.
private final class IdleConnection {
    private let socket: Int32

    init(to port: UInt16) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard socket >= 0 else { throw SocketFailure("socket") }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { [socket] in connect(socket, $0, length) }
        }
        guard result == 0 || errno == EINPROGRESS else { throw SocketFailure("connect") }
    }

    deinit { close(socket) }
}
