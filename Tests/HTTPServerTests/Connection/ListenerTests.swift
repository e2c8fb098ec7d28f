import Glibc
import HTTPServer
import Primitives
import Testing

@Suite(.timeLimit(.minutes(1))) struct ListenerTests {
    @Test func `it listens on an IPv6 address`() async throws {
        let service = ScriptedService { .now(.text($0.peer.host)) }
        try await TestServer.run(service, configure: { $0.host = "::1" }) { server in
            let client = try server.connect(host: "::1")
            try client.send("GET /a HTTP/1.1\r\nHost: [::1]\r\n\r\n")
            #expect(try client.response().text == "::1")
        }
    }

    @Test func `a port in use is refused`() async throws {
        try await TestServer.run { server in
            var configuration = ServerConfiguration()
            configuration.port = server.server.port
            let error = await #expect(throws: SystemError.self) {
                try await HTTPServer(configuration, group: server.group, service: ScriptedService.echo)
            }
            #expect(error?.call == "bind" && error?.number == EADDRINUSE)
        }
    }

    @Test func `a port that another program would share is not taken over`() async throws {
        let other = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(other) }
        var one: Int32 = 1
        setsockopt(other, SOL_SOCKET, SO_REUSEPORT, &one, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                #expect(bind(other, $0, length) == 0 && listen(other, 1) == 0 && getsockname(other, $0, &length) == 0)
            }
        }
        let port = UInt16(bigEndian: address.sin_port)
        let error = await #expect(throws: SystemError.self) {
            try await TestServer.run(configure: { $0.port = port }) { _ in }
        }
        #expect(error?.number == EADDRINUSE)
    }

    @Test func `an address that is not this machine's is refused`() async throws {
        let error = await #expect(throws: SystemError.self) {
            try await TestServer.run(configure: { $0.host = "192.0.2.1" }) { _ in }
        }
        #expect(error?.number == EADDRNOTAVAIL)
    }

    @Test func `all loops share a port, and each connection has one of them`() async throws {
        let service = ScriptedService { request in
            #expect(request.loop.isCurrent)
            return .now(.text("\(request.loop.index)"))
        }
        try await TestServer.run(service, loops: 4) { server in
            var loops: Set<String> = []
            for _ in 0..<200 {
                let client = try server.connect()
                try client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
                loops.insert(try client.response().text)
            }
            #expect(loops == ["0", "1", "2", "3"])
        }
    }

    @Test func `a server without descriptors rests, and accepts again when it has some`() async throws {
        // In a process of its own, as the limit is the process's.
        await #expect(processExitsWith: .success) {
            try await TestServer.run { server in
                let first = try server.connect()
                try first.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
                _ = try first.response()
                // The client has one more; the server none, also when something else in the process gives one back.
                setDescriptorLimit(200)
                takeAllDescriptors()
                close(199)
                let third = try server.connect()
                takeAllDescriptors()
                try third.send("GET /b HTTP/1.1\r\nHost: a\r\n\r\n")
                for _ in 0..<5 {
                    server.time.advance(by: .milliseconds(100))
                    await server.settle()
                }
                #expect(try third.isSilent())
                close(198)
                server.time.advance(by: .milliseconds(100))
                #expect(try third.response().text == "GET /b ")
                try first.send("GET /c HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try first.response().text == "GET /c ")
            }
        }
    }
}

private func takeAllDescriptors() {
    while open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0 {}
}

/// Lets the process open no descriptor of that number or above.
private func setDescriptorLimit(_ limit: Int) {
    var limits = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits)
    limits.rlim_cur = rlim_t(limit)
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits)
}
