import Agents
import Metrics

/// What the service counts of its own work, apart from requests and the store.
final class ServiceMetrics: MetricSource {
    /// What became of a request to stop an answer.
    enum Stop: String, CaseIterable {
        /// No client is sent any more of it.
        case delivered
        /// Another instance has been asked to, and has not said yet that it has.
        case requested
        /// There was nothing to stop.
        case notFound = "not_found"
    }

    /// What a client got that came back for the rest of a stream.
    enum Resume: String, CaseIterable {
        /// The events that it has missed.
        case continued
        /// All of the answer so far as one event, as those it has missed are no longer held.
        case reset
        /// The stored answer.
        case stored
        /// Nothing, as it had all.
        case nothingLeft = "nothing_left"
        case notFound = "not_found"
        /// Another error.
        case refused
    }

    let agents: AgentMetrics
    let roomCreations = Counter()
    let responseTime = Histogram(.answers)
    private let stops = CounterFamily("result", Stop.allCases.map(\.rawValue), hasOther: false)
    let stopTime = Histogram(.requests)
    private let resumes = CounterFamily("result", Resume.allCases.map(\.rawValue), hasOther: false)
    let errors = CounterFamily("error_type", APIError.codes + AgentError.Code.allCases.map(\.rawValue))

    init(_ agents: AgentRegistry) {
        self.agents = AgentMetrics(agents)
    }

    func didStop(_ result: Stop) { stops.add(result.rawValue) }

    func didResume(_ result: Resume) { resumes.add(result.rawValue) }

    func add(to exposition: inout Exposition) {
        exposition.add("room_creations_total", .counter, "Rooms made", roomCreations.value)
        exposition.add(
            "chat_response_time_seconds",
            "Time from a question to the end of its answer, of all agents",
            responseTime
        )
        exposition.add("errors_total", "Failures that clients were told of, by error_code", errors)
        exposition.add("roomservice_stops_total", "Requests to stop an answer", stops)
        exposition.add(
            "roomservice_stop_duration_seconds",
            "Time from a stop asked for to its answer, of those that had something to stop",
            stopTime
        )
        exposition.add(
            "roomservice_stream_resumes_total",
            "Clients that came back for the rest of a stream",
            resumes
        )
        agents.add(to: &exposition)
    }
}

extension APIError {
    /// All codes that clients may be told, agents' aside.
    static let codes = [
        "ACCESS_DENIED", "BAD_REQUEST", "CANCELLED", "CONFLICT", "CONTENT_TOO_LARGE", "EXPECTATION_FAILED",
        "HEADER_FIELDS_TOO_LARGE", "HTTP_VERSION_NOT_SUPPORTED", "INTERNAL_ERROR", "INTERRUPTED", "LENGTH_REQUIRED",
        "METHOD_NOT_ALLOWED", "MODEL_NOT_FOUND", "NOT_ACCEPTABLE", "NOT_FOUND", "NOT_IMPLEMENTED", "OVERLOADED",
        "RATE_LIMIT_EXCEEDED", "REQUEST_TIMEOUT", "ROOM_LIMIT_EXCEEDED", "ROOM_MISMATCH", "SHUTTING_DOWN",
        "STREAM_ACTIVE", "STREAM_LIMIT_EXCEEDED", "UNAVAILABLE", "UNSUPPORTED_MEDIA_TYPE", "URI_TOO_LONG",
        "VALIDATION_ERROR",
    ]
}
