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
                let second = try server.connect()
                for client in [first, second] {
                    try client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
                    _ = try client.response()
                }
                // The client has one more; the server none.
                let taken = try #require(lowestFreeDescriptor())
                setDescriptorLimit(taken + 1)
                let third = try server.connect()
                try third.send("GET /b HTTP/1.1\r\nHost: a\r\n\r\n")
                for _ in 0..<5 {
                    server.time.advance(by: .milliseconds(100))
                    await server.settle()
                }
                #expect(try third.isSilent())
                second.close()
                await server.settle()
                server.time.advance(by: .milliseconds(100))
                #expect(try third.response().text == "GET /b ")
                try first.send("GET /c HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try first.response().text == "GET /c ")
            }
        }
    }
}

private func lowestFreeDescriptor() -> Int? {
    let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    close(descriptor)
    return Int(descriptor)
}

/// Lets the process open no descriptor of that number or above.
private func setDescriptorLimit(_ limit: Int) {
    var limits = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits)
    limits.rlim_cur = rlim_t(limit)
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits)
}
