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
}

/// The API as the HTTP server sees it: finds the route, and gives every response what all of them have in common.
struct APIService: HTTPService {
    let router: Router<RouteHandler>
    let cors: CORS
    let requestIDs: RequestIDs
    let rateLimiter: RateLimiter
    let reconnectDelay: ReconnectDelay
    let requestMetrics: RequestMetrics
    let metrics: ServiceMetrics
    let time: any TimeSource
    let logger: Logger

    func answer(_ request: HTTPRequest) -> HTTPAnswer {
        let id = requestIDs.id(for: request.head)
        let start = request.loop.now
        let match = router.route(method: request.head.method, path: request.head.path)
        let row = requestMetrics.row(match, request.head.method)
        switch answer(request, match, id: id) {
        case .now(let response):
            return .now(finish(response, to: request, row, id: id, start: start))
        case .later(let work):
            return .later { finish(await work(), to: request, row, id: id, start: start) }
        }
    }

    func response(to error: HTTPParseError, head: HTTPRequestHead?) -> HTTPResponse {
        let id = requestIDs.id(for: head)
        requestMetrics.didRefuse(status: error.status.code)
        logger.debug("request refused", ["request.id": .string(id), "reason": .string(error.reason)])
        let error = APIError(error)
        metrics.errors.add(error.code)
        return complete(
            response(to: error, path: head?.path ?? "", id: id),
            head: head,
            id: id
        )
    }

    private func answer(_ http: HTTPRequest, _ match: Router<RouteHandler>.Match, id: String) -> HTTPAnswer {
        switch match {
        case .found(let handler, _, let parameters, _):
            return run(handler, APIRequest(http: http, id: id, pathParameters: parameters))
        case .methodNotAllowed(let allow):
            if http.head.method == .options { return .now(cors.preflight(allow: allow)) }
            var error = APIError(.methodNotAllowed, "METHOD_NOT_ALLOWED", "Method Not Allowed")
            error.allow = allow
            return .now(failure(error, http, id: id))
        case .notFound:
            if http.head.method == .options { return .now(cors.preflight(allow: [])) }
            return .now(failure(.notFound("Not Found"), http, id: id))
        case .badPath(let reason):
            return .now(failure(.badRequest("The path is malformed: \(reason)"), http, id: id))
        }
    }

    private func run(_ handler: RouteHandler, _ request: APIRequest) -> HTTPAnswer {
        switch handler {
        case .immediate(let answer):
            do throws(APIError) {
                return .now(try answer(request))
            } catch {
                return .now(failure(error, request.http, id: request.id))
            }
        case .task(let answer), .probe(let answer):
            return .later {
                do throws(APIError) {
                    if case .task = handler { try await limitReads(request.http) }
                    return try await answer(request)
                } catch {
                    return failure(error, request.http, id: request.id)
                }
            }
        }
    }

    /// Holds reads to their rate, by client address. Those who change something are limited by user, once that is known.
    private func limitReads(_ http: HTTPRequest) async throws(APIError) {
        guard http.head.method == .get || http.head.method == .head else { return }
        try await rateLimiter.check(.reads, key: http.peer.host)
    }

    private func failure(_ error: APIError, _ http: HTTPRequest, id: String) -> HTTPResponse {
        metrics.errors.add(error.code)
        if error.status.code >= 500, let cause = error.cause {
            logger.error(
                "request failed",
                ["request.id": .string(id), "path": .string(http.head.path), "error": .error(cause)]
            )
        }
        if error.isPassing, EventStreamResponse.isWanted(by: http.head), !OpenAIError.isUsed(at: http.head.path) {
            let milliseconds = reconnectDelay.milliseconds(retryAfter: error.retryAfter ?? 0)
            return EventStreamResponse.passingFailure(error, retryMilliseconds: milliseconds)
        }
        return response(to: error, path: http.head.path, id: id)
    }

    /// An error in the form that the clients of that path know.
    private func response(to error: APIError, path: String, id: String) -> HTTPResponse {
        OpenAIError.isUsed(at: path)
            ? OpenAIError.response(error) : Envelope.failure(error, path: path, requestID: id, at: time.now)
    }

    private func finish(
        _ response: HTTPResponse,
        to request: HTTPRequest,
        _ row: RequestMetrics.Row,
        id: String,
        start: Int64
    ) -> HTTPResponse {
        let duration = time.monotonicNanoseconds - start
        requestMetrics.didAnswer(row, status: response.status.code, nanoseconds: duration)
        logger.debug(
            "request",
            [
                "request.id": .string(id),
                "method": .string(request.head.method.name),
                "path": .string(request.head.path),
                "status": .integer(response.status.code),
                "ms": .double(Double(duration) / 1e6),
            ]
        )
        return complete(response, head: request.head, id: id)
    }

    private func complete(_ response: HTTPResponse, head: HTTPRequestHead?, id: String) -> HTTPResponse {
        var response = response
        response.headers.append(HTTPField("X-Request-ID", id))
        cors.addFields(to: &response, for: head)
        return response
    }
}
