import HTTPServer
import Primitives
import Streaming

/// Answers that are event streams.
enum EventStreamResponse {
    private static let fields = [
        HTTPField("Content-Type", "text/event-stream"),
        HTTPField("Cache-Control", "no-cache, no-transform"),
        HTTPField("X-Accel-Buffering", "no"),
    ]

    static func make(_ body: HTTPResponse.Body) -> HTTPResponse {
        HTTPResponse(headers: fields, body: body)
    }

    /// What a browser's `EventSource` is told of a failure that passes. It gives up for ever on any status but 200 (WHATWG
    /// HTML, section 9.2.3), so that it gets one event that says what failed, and a time after which it tries again.
    static func passingFailure(_ error: APIError, retryMilliseconds: Int) -> HTTPResponse {
        let event: JSONObject = [
            "status": "error",
            "error": .string(error.message),
            "error_code": .string(error.code),
            "retry_after_ms": .integer(Int64(retryMilliseconds)),
        ]
        var bytes: [UInt8] = []
        bytes.append(ascii: "retry: ")
        bytes.append(decimal: retryMilliseconds)
        bytes.append(ascii: "\n\ndata: ")
        bytes.append(json: .object(event))
        bytes.append(ascii: "\n\n")
        return make(.bytes(bytes))
    }

    /// Whether the request is an `EventSource`'s, as far as its failures go.
    static func isWanted(by head: HTTPRequestHead) -> Bool {
        head.method == .get && head.headers.values("accept").contains { $0.lowercased().contains("text/event-stream") }
    }
}

extension APIError {
    /// Whether the same request may well succeed a while later.
    var isPassing: Bool { status == .serviceUnavailable || status == .tooManyRequests }
}
