import Glibc
import HTTPServer
import Synchronization
import Testing

@testable import RoomService

struct LivenessTests {
    /// Holds a loop up until it is opened.
    private final class Obstacle: Sendable {
        private let isOpen = Atomic(false)

        func open() { isOpen.store(true, ordering: .releasing) }

        func hold() {
            while !isOpen.load(ordering: .acquiring) { sched_yield() }
        }
    }

    /// Moves the clock on, a second at a time, while one loop of two is stuck.
    private func pass(seconds: Int, _ service: TestService) async {
        for _ in 0..<seconds {
            service.time.advance(by: .seconds(1))
            for _ in 0..<3 { await service.group.loops[0].barrier() }
        }
    }

    /// A connection to loop 0: which one takes a connection is the kernel's choice.
    private func connection(to service: TestService) async throws -> TestConnection {
        while true {
            let connections = try (0..<8).map { _ in try service.connect() }
            for connection in connections { try connection.sendRequest("GET", "/healthz") }
            for _ in 0..<3 { await service.group.loops[0].barrier() }
            if let answered = connections.first(where: { !$0.isQuiet }) {
                #expect(try answered.response().status == 200)
                return answered
            }
        }
    }

    @Test func `a loop that is stuck for over 30 seconds fails the liveness probe at the others, until it goes on`()
        async throws
    {
        try await withService(loops: 2) { service in
            let obstacle = Obstacle()
            defer { obstacle.open() }
            service.group.loops[1].execute { obstacle.hold() }
            let connection = try await connection(to: service)
            await pass(seconds: 30, service)
            try connection.sendRequest("GET", "/healthz")
            #expect(try connection.response().status == 200, "not yet")
            await pass(seconds: 3, service)
            try connection.sendRequest("GET", "/healthz")
            let response = try connection.response()
            #expect(response.status == 503)
            #expect(response.json["error_code"] == "UNAVAILABLE" && response["Retry-After"] == "10")
            #expect(service.log.lines.contains { $0.contains("an event loop is stuck") })

            obstacle.open()
            let isBack = try await service.eventually {
                await service.advance(by: .seconds(1))
                try connection.sendRequest("GET", "/healthz")
                return try connection.response().status == 200
            }
            #expect(isBack)
        }
    }

    private func expectAlive(_ service: TestService) throws {
        for _ in 0..<8 {
            let status = try service.get("/healthz").status
            #expect(status == 200)
        }
    }

    @Test(arguments: [1, 2]) func `a process that was stopped as a whole lives when it goes on`(loops: Int) async throws
    {
        try await withService(loops: loops) { service in
            await service.advance(by: .seconds(2))
            // No loop has noted a time for an hour, and each is asked before the others have.
            service.time.advance(by: .seconds(3600))
            try expectAlive(service)
            await service.advance(by: .seconds(1))
            try expectAlive(service)
        }
    }
}
