import HTTPServer
import Primitives

extension ServiceRoutes {
    var operations: [Operation] {
        [
            showIndex, isAlive, isReady, showHealth(at: "/health", "getHealth"),
            showHealth(at: "/api/health", "getAPIHealth"),
        ]
    }

    private var showIndex: Operation {
        let about = Schema.object([
            Field("message", Schema.string),
            Field("version", Schema.string),
            Field("status", Schema.string),
            Field("endpoints", Schema.anyObject.with("additionalProperties", .object(Schema.string))),
        ])
        var answer = Operation.Response.json("The service", about, example: .object(Self.about))
        answer.contents.append(WebPage.htmlContent)
        return Operation(
            .get,
            "/",
            "getIndex",
            .service,
            "What this is, and where to go on; for browsers, the chat page",
            parameters: [StaticFile.validator],
            responses: [answer, StaticFile.notModified]
        )
    }

    private static func status(_ status: String) -> JSONObject {
        Schema.object([Field("status", Schema.constant(.string(status)))])
    }

    private var isAlive: Operation {
        Operation(
            .get,
            "/healthz",
            "isAlive",
            .service,
            "Whether the process answers, and none of its event loops is stuck",
            responses: [.json("It does", Self.status("alive"), example: ["status": "alive"])],
            errors: [.unavailable("An event loop has been stuck for 12 s", retryAfter: 10)]
        )
    }

    private var isReady: Operation {
        Operation(
            .get,
            "/readyz",
            "isReady",
            .service,
            "Whether requests should come here",
            responses: [.json("They should", Self.status("ready"), example: ["status": "ready"])],
            errors: [.storeUnavailable, .shuttingDown]
        )
    }

    private func showHealth(at path: String, _ id: String) -> Operation {
        Operation(
            .get,
            path,
            id,
            .service,
            "How the service is, part by part",
            responses: [
                .json("All is well", Self.health(["healthy"]), example: Self.sampleHealth("healthy")),
                .json(
                    "The store does not answer, or the service ends",
                    Self.health(["unhealthy", "draining"]),
                    status: .serviceUnavailable,
                    example: Self.sampleHealth("unhealthy")
                ),
            ]
        )
    }

    private static func health(_ statuses: [String]) -> JSONObject {
        let condition = Field("status", Schema.string(oneOf: ["healthy", "unhealthy"]))
        let milliseconds: JSONObject = ["type": "number", "minimum": 0]
        let store = Schema.object([
            condition, Field("backend", Schema.string), Field("latency_ms", milliseconds),
        ])
        let streams = Schema.object([
            Field("active_count", Schema.count),
            Field("capacity", Schema.count),
            Field("waiting_for_store", Schema.count, "Answers whose end the store has not taken yet"),
            Field("paused", Schema.bool, "Whether answers pause for the store"),
        ])
        let agent = Schema.object([
            Field("status", Schema.string, "`healthy`, or how the circuit breaker before its model is"),
            Field("running", Schema.count, isRequired: false),
            Field("waiting", Schema.count, isRequired: false),
            Field("max_concurrent", Schema.count, isRequired: false),
            Field("max_waiting", Schema.count, isRequired: false),
        ])
        let redis = Schema.object([
            condition, Field("latency_ms", milliseconds.nullable), Field("instance", Schema.string),
        ])
        let checks = Schema.object([
            Field("store", store),
            Field("sessions", Schema.object([Field("active_count", Schema.count.nullable)])),
            Field("streams", streams),
            Field("agents", Schema.anyObject.with("additionalProperties", .object(agent)), "By their names"),
            Field("redis", redis, "Where several instances share one", isRequired: false),
        ])
        return Schema.object([
            Field("status", Schema.string(oneOf: statuses)),
            Field("timestamp", Schema.timestamp),
            Field("version", Schema.string),
            Field("checks", checks),
        ])
    }

    private static func sampleHealth(_ status: String) -> JSONValue {
        [
            "status": .string(status), "timestamp": JSONValue(Sample.time), "version": .string(ServiceInfo.version),
            "checks": [
                "store": ["status": .string(status), "backend": "sqlite", "latency_ms": 0.214],
                "sessions": ["active_count": status == "healthy" ? 3 : .null],
                "streams": ["active_count": 1, "capacity": 50_000, "waiting_for_store": 0, "paused": false],
                "agents": ["assistant": ["status": "healthy"]],
            ],
        ]
    }
}

extension MetricsRoutes {
    var operations: [Operation] { Self.operations }

    static var operations: [Operation] {
        [
            Operation(
                .get,
                "/metrics",
                "getMetrics",
                .service,
                "Counts and times, in Prometheus's text format",
                responses: [
                    .text(
                        "text/plain",
                        "The metrics",
                        example: """
                            # HELP process_resident_memory_bytes Resident memory
                            # TYPE process_resident_memory_bytes gauge
                            process_resident_memory_bytes 21483520

                            """
                    )
                ]
            )
        ]
    }
}
