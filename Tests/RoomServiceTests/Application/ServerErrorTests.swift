import Agents
import HTTPServer
import Primitives
import Storage
import Streaming
import Testing

@testable import RoomService

/// Errors that are not the client's: what it is told of them, and what the log is.
struct ServerErrorTests {
    private let named = FailureEnvelope.requestID

    @Test func `a store that is away is 503, and what it said is logged, not shown`() async throws {
        try await withService { service in
            await service.store.close()
            let room = try service.request("GET", "/api/rooms/x", headers: named)
            #expect(room.status == 503 && room["Retry-After"] == "1")
            let reason = "The store is unavailable. Please try again."
            #expect(room.text == envelope(reason, "UNAVAILABLE", "/api/rooms/x"))
            #expect(try service.get("/readyz").status == 503)
            let health = try service.get("/api/health")
            #expect(health.status == 503 && health.json["status"] == "unhealthy")
            let lines = service.log.lines.filter { $0.contains("the store is closed") }
            #expect(lines.count == 3, "once for each request")
            #expect(lines.first?.contains("test.1") == true)
        }
    }

    @Test func `a 500 shows no internals, and the log does`() async throws {
        let time = ManualTimeSource()
        let log = MemorySink()
        let group = try EventLoopGroup(count: 1, time: time)
        var router = Router<RouteHandler>()
        router.on(
            .get,
            "/broken",
            .task { _ throws(APIError) in
                try await storing { () throws(StoreError) in throw StoreError(.failed, "page 7 of /secret is torn") }
            }
        )
        let service = APIService(
            router: router,
            cors: CORS(.any),
            requestIDs: RequestIDs(RandomIdentifierGenerator()),
            rateLimiter: RateLimiter(.off, time: time),
            reconnectDelay: ReconnectDelay(
                tracker: ActiveStreamTracker(
                    limits: .init(streams: 1, streamsPerUser: 1),
                    retention: StreamRetention(time: 0, memory: 0),
                    time: time
                ),
                random: RandomIdentifierGenerator()
            ),
            requestMetrics: RequestMetrics(routes: router.routes),
            metrics: ServiceMetrics(AgentRegistry(default: ScriptedAgent(words: []))),
            time: time,
            logger: Logger(level: .warning, format: .text, time: time, sink: log)
        )
        let server = try await HTTPServer(testSettings().server, group: group, service: service)
        let connection = try TestConnection(port: server.port)
        try connection.sendRequest("GET", "/broken", headers: named)
        let response = try connection.response()
        #expect(response.status == 500)
        #expect(response.text == envelope("An internal error occurred", "INTERNAL_ERROR", "/broken"))
        #expect(log.lines.count == 1)
        #expect(log.lines.first?.contains("page 7 of /secret is torn") == true)
        server.drain()
        server.closeAll()
        await server.waitUntilDrained()
        group.stop()
    }
}
