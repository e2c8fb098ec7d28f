import HTTPServer
import Primitives
import Storage
import Streaming
import Synchronization

/// By what the lines of a request, and of what it has begun, are found together.
struct RequestOrigin: Sendable {
    /// The caller's own id, where it sent a sane one, else one that was made for it.
    let id: String
    /// The caller's trace, where it told of one.
    let trace: TraceContext?

    init(id: String, head: HTTPRequestHead?) {
        self.id = id
        // More than one is none that could be trusted (W3C Trace Context, section 3.2.1).
        guard let head, head.headers.count(of: "traceparent") == 1 else {
            trace = nil
            return
        }
        trace = head.headers["traceparent"].flatMap(TraceContext.init(traceparent:))
    }
}

extension LogFields {
    mutating func add(_ origin: RequestOrigin?) {
        add("request_id", origin?.id)
        add("trace_id", origin?.trace?.traceID)
    }

    /// What a stream belongs to. An answer that belongs to no session has none of the other ids.
    mutating func add(userID: String?, sessionID: String?, roomID: String?, streamID: String?) {
        add("user_id", userID)
        add("session_id", sessionID)
        add("room_id", roomID)
        add("stream_id", streamID)
    }
}

/// What the line of one request tells: gathered while it is answered, and written once. It holds ids of what exists or is well-formed,
/// and of the rest of the request neither path nor query, which may carry what users write.
final class RequestLog: Sendable {
    private struct State {
        var route: String?
        var userID: String?
        var sessionID: String?
        var roomID: String?
        var streamID: String?
        var errorCode: String?
        var errorStatus = 0
        var cause: (any Error)?
    }

    let origin: RequestOrigin
    /// Monotonic, in nanoseconds.
    let startedAt: Int64
    private let state = Mutex(State())

    init(_ origin: RequestOrigin, at startedAt: Int64) {
        self.origin = origin
        self.startedAt = startedAt
    }

    // MARK: Gathering

    /// The pattern of the route that answers, and what it names in the path.
    func note(route: String, _ parameters: PathParameters) {
        let roomID = parameters["room_id"].flatMap(Self.sane)
        let sessionID = route.hasPrefix("/api/session/") ? parameters["id"].flatMap(Self.sane) : nil
        state.withLock { state in
            state.route = route
            state.roomID = roomID
            state.sessionID = sessionID
        }
    }

    private static func sane(_ id: String) -> String? { RequestIDs.isSane(id) ? id : nil }

    /// Ids that the request turned out to be about; nil leaves what is known.
    func note(userID: String? = nil, sessionID: String? = nil, roomID: String? = nil, streamID: String? = nil) {
        state.withLock { state in
            state.userID = userID ?? state.userID
            state.sessionID = sessionID ?? state.sessionID
            state.roomID = roomID ?? state.roomID
            state.streamID = streamID ?? state.streamID
        }
    }

    func note(_ session: Session) {
        note(userID: session.userID, sessionID: session.id, roomID: session.roomID)
    }

    /// A stream of a session, and what it belongs to.
    func note(_ stream: LiveStream) {
        note(userID: stream.userID, sessionID: stream.sessionID, roomID: stream.roomID, streamID: stream.id)
    }

    func note(_ error: APIError) {
        state.withLock { state in
            state.errorCode = error.code
            state.errorStatus = error.status.code
            // Of what is the client's fault, the code says enough, and more could quote it.
            if error.status.code >= 500 { state.cause = error.cause }
        }
    }

    /// What lies behind a failure that the client is told of in another way.
    func note(cause: any Error) { state.withLock { $0.cause = cause } }

    // MARK: Writing

    /// What operators' tools ask for without end, and what a page needs thirty of.
    private static let routine: Set = [
        "/healthz", "/readyz", "/health", "/api/health", "/metrics", "/assets/{bundle}/{file}", "/favicon.ico",
    ]

    /// How much the request matters: those of operators' tools little while all is well, the service's failures most.
    func level(status: Int) -> Logger.Level {
        let (route, errorCode, errorStatus) = state.withLock { ($0.route, $0.errorCode, $0.errorStatus) }
        // An `EventSource` is told of a failure with a status of success.
        switch max(status, errorStatus) {
        // Expected, as it was asked for.
        case 500... where errorCode == "SHUTTING_DOWN": return .info
        // It passes: the store is away, or there is no room.
        case 503: return .warning
        case 500...: return .error
        default: return route.map(Self.routine.contains) == true ? .debug : .info
        }
    }

    /// - Parameter now: monotonic, in nanoseconds.
    func fields(of head: HTTPRequestHead, _ response: HTTPResponse, at now: Int64) -> LogFields {
        let state = state.withLock { $0 }
        var fields = LogFields(capacity: 12)
        fields.add(origin)
        fields.add("method", .string(Self.name(of: head.method)))
        fields.add("route", state.route)
        fields.add("status", .integer(response.status.code))
        fields.add("duration_ms", nanoseconds: now - startedAt)
        if case .stream = response.body { fields.add("streamed", true) }
        fields.add(userID: state.userID, sessionID: state.sessionID, roomID: state.roomID, streamID: state.streamID)
        fields.add("error_code", state.errorCode)
        if let cause = state.cause { fields.add("error", .error(cause)) }
        return fields
    }

    /// A method that nobody knows could be any text.
    static func name(of method: HTTPMethod) -> String {
        if case .other = method { "other" } else { method.name }
    }
}
