import HTTPServer
import Primitives

/// The one error that routes throw: what the client is told, and how.
struct APIError: Error {
    var status: HTTPStatus
    /// The stable name that programs compare.
    var code: String
    /// What was wrong and what to do, in words.
    var message: String
    /// When trying again makes sense, in seconds.
    var retryAfter: Int?
    var allow: [HTTPMethod] = []
    /// The field that is at fault, where it is one and there is no `validation`; for OpenAI's clients.
    var parameter: String?
    /// What else the client may need, as the `stream_id` of a conflict.
    var data: JSONObject?
    /// The faults of a 422.
    var validation: ValidationError?
    /// What lies behind it: for the log, never for the client.
    var cause: (any Error)?

    init(_ status: HTTPStatus, _ code: String, _ message: String) {
        self.status = status
        self.code = code
        self.message = message
    }
}

extension APIError {
    static func badRequest(_ message: String) -> APIError {
        APIError(.badRequest, "BAD_REQUEST", message)
    }

    static func notFound(_ message: String) -> APIError {
        APIError(.notFound, "NOT_FOUND", message)
    }

    static func accessDenied(_ what: StaticString) -> APIError {
        APIError(.forbidden, "ACCESS_DENIED", "Access denied: You don't own this \(what)")
    }

    static let roomNotFound = notFound("Room not found")
    static let sessionNotFound = notFound("Session not found or expired")

    static func roomLimitExceeded(_ limit: Int) -> APIError {
        APIError(
            .badRequest,
            "ROOM_LIMIT_EXCEEDED",
            "Maximum room limit (\(limit)) reached. Please delete old rooms."
        )
    }

    static func unavailable(_ message: String, retryAfter: Int = 1) -> APIError {
        var error = APIError(.serviceUnavailable, "UNAVAILABLE", message)
        error.retryAfter = retryAfter
        return error
    }

    static let storeUnavailable = unavailable("The store is unavailable. Please try again.")

    static func rateLimitExceeded(retryAfter: Int) -> APIError {
        var error = APIError(
            .tooManyRequests,
            "RATE_LIMIT_EXCEEDED",
            "Too many requests. Please try again in \(retryAfter) s."
        )
        error.retryAfter = retryAfter
        return error
    }

    static let messageIDUsed = APIError(.conflict, "CONFLICT", "This message id was used before in this session")

    static let shuttingDown: APIError = {
        var error = APIError(.serviceUnavailable, "SHUTTING_DOWN", "The service is shutting down")
        error.retryAfter = 2
        return error
    }()

    static let internalError = APIError(.internalServerError, "INTERNAL_ERROR", "An internal error occurred")

    static let methodNotAllowed = APIError(.methodNotAllowed, "METHOD_NOT_ALLOWED", "Method Not Allowed")

    static let unsupportedMediaType = APIError(
        .unsupportedMediaType,
        "UNSUPPORTED_MEDIA_TYPE",
        "The body must be JSON: send it with Content-Type: application/json"
    )

    static let notAcceptable = APIError(
        .notAcceptable,
        "NOT_ACCEPTABLE",
        "This route answers with text/event-stream, or with application/json"
    )
}
