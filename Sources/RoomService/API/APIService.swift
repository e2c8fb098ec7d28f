import HTTPServer
import Primitives

/// What answers a route. Either kind throws `APIError` for what the client is to be told.
enum RouteHandler: Sendable {
    /// Answers at once, without a task: for what needs no store.
    case immediate(@Sendable (APIRequest) throws(APIError) -> HTTPResponse)
    /// Answers in a task on the connection's loop.
    case task(@Sendable (APIRequest) async throws(APIError) -> HTTPResponse)
    /// The same for the operator's probes, which no rate limit may refuse.
    case probe(@Sendable (APIRequest) async throws(APIError) -> HTTPResponse)
}

/// A group of routes that belong together.
protocol RouteGroup: Sendable {
    func add(to router: inout Router<RouteHandler>)

    /// The documentation of those routes, one operation for each.
    var operations: [Operation] { get }
}

/// The API as the HTTP server sees it: finds the route, and gives every response what all of them have in common.
struct APIService: HTTPService {
    let router: Router<RouteHandler>
    let cors: CORS
    let requestIDs: RequestIDs
    let rateLimiter: RateLimiter
    let reconnectDelay: ReconnectDelay
    /// What browsers get for an address that is none, where it is there.
    var notFoundPage: WebPage?
    let requestMetrics: RequestMetrics
    let metrics: ServiceMetrics
    let time: any TimeSource
    let logger: Logger

    func answer(_ request: HTTPRequest) -> HTTPAnswer {
        let origin = RequestOrigin(id: requestIDs.id(for: request.head), head: request.head)
        let log = RequestLog(origin, at: request.loop.now)
        let match = router.route(method: request.head.method, path: request.head.path)
        let row = requestMetrics.row(match, request.head.method)
        switch answer(request, match, log) {
        case .now(let response):
            return .now(finish(response, to: request, row, log))
        case .later(let work):
            return .later { finish(await work(), to: request, row, log) }
        }
    }

    func response(to error: HTTPParseError, head: HTTPRequestHead?) -> HTTPResponse {
        let origin = RequestOrigin(id: requestIDs.id(for: head), head: head)
        let failure = APIError(error)
        requestMetrics.didRefuse(status: error.status.code)
        metrics.errors.add(failure.code)
        let level: Logger.Level = failure.status == .serviceUnavailable ? .warning : .info
        if logger.isEnabled(level) {
            var fields = LogFields(capacity: 6)
            fields.add(origin)
            fields.add("method", head.map { RequestLog.name(of: $0.method) })
            fields.add("status", .integer(failure.status.code))
            fields.add("error_code", failure.code)
            logger.log(level, "request refused", fields)
        }
        logger.debug("request refused for", ["request_id": .string(origin.id), "reason": .string(error.reason)])
        return complete(
            response(to: failure, path: head?.path ?? "", id: origin.id),
            head: head,
            id: origin.id
        )
    }

    private func answer(_ http: HTTPRequest, _ match: Router<RouteHandler>.Match, _ log: RequestLog) -> HTTPAnswer {
        switch match {
        case .found(let handler, let pattern, let parameters, _):
            log.note(route: pattern, parameters)
            return run(handler, APIRequest(http: http, pathParameters: parameters, log: log))
        case .methodNotAllowed(let allow):
            if http.head.method == .options { return .now(cors.preflight(allow: allow)) }
            var error = APIError.methodNotAllowed
            error.allow = allow
            return .now(failure(error, http, log))
        case .notFound:
            if http.head.method == .options { return .now(cors.preflight(allow: [])) }
            return .now(noRoute(http, log))
        case .badPath(let reason):
            return .now(failure(.badRequest("The path is malformed: \(reason)"), http, log))
        }
    }

    /// Programs get the error, and people who have mistyped an address a page.
    private func noRoute(_ http: HTTPRequest, _ log: RequestLog) -> HTTPResponse {
        let error = failure(.notFound("Not Found"), http, log)
        guard let notFoundPage, http.head.method == .get || http.head.method == .head else { return error }
        var response = http.head.prefersPage ? notFoundPage.response(.notFound) : error
        response.headers.append(HTTPField("Vary", "Accept"))
        return response
    }

    private func run(_ handler: RouteHandler, _ request: APIRequest) -> HTTPAnswer {
        switch handler {
        case .immediate(let answer):
            do throws(APIError) {
                return .now(try answer(request))
            } catch {
                return .now(failure(error, request.http, request.log))
            }
        case .task(let answer), .probe(let answer):
            return .later {
                do throws(APIError) {
                    if case .task = handler { try await limitReads(request.http) }
                    return try await answer(request)
                } catch {
                    return failure(error, request.http, request.log)
                }
            }
        }
    }

    /// Holds reads to their rate, by client address. Those who change something are limited by user, once that is known.
    private func limitReads(_ http: HTTPRequest) async throws(APIError) {
        guard http.head.method == .get || http.head.method == .head else { return }
        try await rateLimiter.check(.reads, key: http.peer.host)
    }

    private func failure(_ error: APIError, _ http: HTTPRequest, _ log: RequestLog) -> HTTPResponse {
        log.note(error)
        metrics.errors.add(error.code)
        if error.isPassing, EventStreamResponse.isWanted(by: http.head), !OpenAIError.isUsed(at: http.head.path) {
            let milliseconds = reconnectDelay.milliseconds(retryAfter: error.retryAfter ?? 0)
            return EventStreamResponse.passingFailure(error, retryMilliseconds: milliseconds)
        }
        return response(to: error, path: http.head.path, id: log.origin.id)
    }

    /// An error in the form that the clients of that path know.
    private func response(to error: APIError, path: String, id: String) -> HTTPResponse {
        OpenAIError.isUsed(at: path)
            ? OpenAIError.response(error) : Envelope.failure(error, path: path, requestID: id, at: time.now)
    }

    /// Counts the request, and writes its line. A streamed response has just begun then; its end has a line of its own.
    private func finish(
        _ response: HTTPResponse,
        to request: HTTPRequest,
        _ row: RequestMetrics.Row,
        _ log: RequestLog
    ) -> HTTPResponse {
        let now = time.monotonicNanoseconds
        requestMetrics.didAnswer(row, status: response.status.code, nanoseconds: now - log.startedAt)
        let level = log.level(status: response.status.code)
        logger.log(level, "request", log.fields(of: request.head, response, at: now))
        logger.debug("request path", ["request_id": .string(log.origin.id), "path": .string(request.head.path)])
        return complete(response, head: request.head, id: log.origin.id)
    }

    private func complete(_ response: HTTPResponse, head: HTTPRequestHead?, id: String) -> HTTPResponse {
        var response = response
        response.headers.append(HTTPField("X-Request-ID", id))
        cors.addFields(to: &response, for: head)
        return response
    }
}
