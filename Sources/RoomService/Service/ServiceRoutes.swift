import Agents
import HTTPServer
import Primitives
import Storage
import Streaming

/// What the operator's tools ask for: whether the service lives, is ready, and how it is; and where everything begins.
struct ServiceRoutes: RouteGroup {
    let store: any Store
    let tracker: ActiveStreamTracker
    let agents: AgentRegistry
    let cluster: Cluster?
    let backlog: StoreBacklog
    let time: any TimeSource
    let readiness: Readiness
    let loopWatch: LoopWatch
    /// What browsers get at `/`, where it is there.
    let page: WebPage?
    let logger: Logger

    func add(to router: inout Router<RouteHandler>) {
        router.on(.get, "/", .immediate(index))
        router.on(.get, "/healthz", .immediate(alive))
        router.on(.get, "/readyz", .probe(ready))
        router.on(.get, "/health", .probe(health))
        router.on(.get, "/api/health", .probe(health))
    }

    private func index(_ request: APIRequest) throws(APIError) -> HTTPResponse {
        guard let page else { return Envelope.plain(Self.about) }
        let head = request.http.head
        var response = head.prefersPage ? page.response(to: head) : Envelope.plain(Self.about)
        response.headers.append(HTTPField("Vary", "Accept"))
        return response
    }

    static let about: JSONObject = [
        "message": "RoomService: chat rooms with streamed answers",
        "version": .string(ServiceInfo.version),
        "status": "running",
        "endpoints": [
            "page": "/app",
            "documentation": "/docs",
            "openapi": "/openapi.json",
            "rooms": "/api/rooms",
            "sessions": "/api/session/create",
            "chat": "/api/chat/message",
            "info": "/api/chat/info",
            "openai": "/v1/chat/completions",
            "health": "/api/health",
        ],
    ]

    private static let aliveBody = Array(#"{"status":"alive"}"#.utf8)

    /// Whatever is away, the process is as it should be, unless one of its loops is stuck: only a restart helps that.
    private func alive(_ request: APIRequest) throws(APIError) -> HTTPResponse {
        guard let stuck = loopWatch.stuckLoop(seenFrom: request.loop) else { return Envelope.json(Self.aliveBody) }
        logger.error("an event loop is stuck", ["loop": .integer(stuck.index), "seconds": .integer(stuck.seconds)])
        throw .unavailable("An event loop has been stuck for \(stuck.seconds) s", retryAfter: 10)
    }

    private func ready(_ request: APIRequest) async throws(APIError) -> HTTPResponse {
        guard !readiness.isDraining else { throw .shuttingDown }
        try await storing { () throws(StoreError) in try await store.ping() }
        return Envelope.plain(["status": "ready"])
    }

    /// A model that is out of order makes the service no less healthy: other agents, and all that is stored, are there.
    private var agentChecks: JSONValue {
        let checks = agents.agents.map { agent -> JSONObject.Member in
            var check: JSONObject = ["status": .string(agent.health?.upstream.circuit.rawValue ?? "healthy")]
            if let upstream = agent.health?.upstream {
                check["running"] = .integer(Int64(upstream.running))
                check["waiting"] = .integer(Int64(upstream.waiting))
                check["max_concurrent"] = .integer(Int64(upstream.limits.concurrent))
                check["max_waiting"] = .integer(Int64(upstream.limits.waiting))
            }
            return JSONObject.Member(key: agent.name, value: .object(check))
        }
        return .object(JSONObject(checks))
    }

    private func health(_ request: APIRequest) async throws(APIError) -> HTTPResponse {
        let start = time.monotonicNanoseconds
        var sessionCount: Int?
        do throws(StoreError) {
            try await store.ping()
            sessionCount = try await store.sessionCount(at: time.now)
        } catch {
            request.log.note(cause: error)
            sessionCount = nil
        }
        let latency = Double(time.monotonicNanoseconds - start) / 1e6
        let isHealthy = sessionCount != nil && !readiness.isDraining
        var checks: JSONObject = [
            "store": [
                "status": sessionCount == nil ? "unhealthy" : "healthy",
                "backend": .string(store.backend),
                "latency_ms": .double((latency * 1000).rounded() / 1000),
            ],
            "sessions": ["active_count": sessionCount.map { .integer(Int64($0)) } ?? .null],
            "streams": [
                "active_count": .integer(Int64(tracker.runningCount)),
                "capacity": .integer(Int64(tracker.capacity)),
                "waiting_for_store": .integer(Int64(backlog.count)),
                "paused": .bool(backlog.pausesAnswers),
            ],
            "agents": agentChecks,
        ]
        if let cluster {
            let latency = await cluster.latency(on: request.loop, time)
            // An instance that goes on alone is of use all the same.
            checks["redis"] = [
                "status": latency == nil ? "unhealthy" : "healthy",
                "latency_ms": latency.map { .double(($0 * 1000).rounded() / 1000) } ?? .null,
                "instance": .string(cluster.membership.id),
            ]
        }
        let status = isHealthy ? "healthy" : readiness.isDraining ? "draining" : "unhealthy"
        var response = Envelope.plain(
            [
                "status": .string(status),
                "timestamp": JSONValue(time.now),
                "version": .string(ServiceInfo.version),
                "checks": .object(checks),
            ],
            status: isHealthy ? .ok : .serviceUnavailable
        )
        if !isHealthy { response.headers.append(HTTPField("Retry-After", "1")) }
        return response
    }
}
