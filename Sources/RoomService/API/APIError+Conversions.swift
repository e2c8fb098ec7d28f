import HTTPServer
import Primitives
import Storage
import Streaming

extension APIError {
    init(_ error: ValidationError) {
        self.init(.unprocessableContent, "VALIDATION_ERROR", "Request validation failed")
        validation = error
    }

    /// - Parameters:
    ///   - resource: whose owner the caller is not, where that is the fault.
    ///   - roomLimit: the limit that was reached, where that is the fault.
    init(_ error: StoreError, resource: StaticString = "room", roomLimit: Int = 0) {
        self =
            switch error.code {
            case .roomNotFound: .roomNotFound
            case .sessionNotFound: .sessionNotFound
            case .roomLimitReached: .roomLimitExceeded(roomLimit)
            case .notOwner: .accessDenied(resource)
            case .duplicateMessage: .messageIDUsed
            case .unavailable: .storeUnavailable
            case .schemaMismatch: .unavailable("The store must be migrated before it can be used. Please try again.")
            case .inUse, .failed: .internalError
            }
        cause = error
    }

    init(_ refusal: StreamRefusal) {
        switch refusal {
        case .sessionBusy(let streamID):
            self.init(.conflict, "STREAM_ACTIVE", "This session is already streaming another message")
            data = ["stream_id": .string(streamID)]
        case .userLimitReached(let limit):
            self.init(.tooManyRequests, "STREAM_LIMIT_EXCEEDED", "Maximum of \(limit) concurrent streams reached")
            retryAfter = 1
        case .overloaded:
            self.init(.serviceUnavailable, "OVERLOADED", "The service is at its capacity. Please try again.")
            retryAfter = 2
        case .shuttingDown:
            self.init(.serviceUnavailable, "SHUTTING_DOWN", "The service is shutting down. Please try again.")
            retryAfter = 2
        }
    }

    /// A request that could not be understood. The names follow the statuses of HTTP.
    init(_ error: HTTPParseError) {
        let code =
            switch error.status {
            case .requestTimeout: "REQUEST_TIMEOUT"
            case .lengthRequired: "LENGTH_REQUIRED"
            case .contentTooLarge: "CONTENT_TOO_LARGE"
            case .uriTooLong: "URI_TOO_LONG"
            case .expectationFailed: "EXPECTATION_FAILED"
            case .headerFieldsTooLarge: "HEADER_FIELDS_TOO_LARGE"
            case .notImplemented: "NOT_IMPLEMENTED"
            case .serviceUnavailable: "OVERLOADED"
            case .versionNotSupported: "HTTP_VERSION_NOT_SUPPORTED"
            default: "BAD_REQUEST"
            }
        self.init(error.status, code, error.reason)
        if error.status == .serviceUnavailable { retryAfter = 2 }
    }
}
