import HTTPServer

/// Which web pages may call the API from a browser (Fetch, section 3.2).
struct CORS: Sendable {
    /// Nil allows every origin.
    private let origins: Set<String>?

    /// How long a browser may remember a preflight's answer, in seconds.
    private static let maxAge = "600"
    private static let methods = "GET, HEAD, POST, PATCH, DELETE, OPTIONS"
    /// The last ones are what OpenAI's own client sends.
    private static let headers =
        "Accept, Authorization, Content-Type, Last-Event-ID, X-Request-ID, Traceparent, Tracestate, "
        + "OpenAI-Organization, OpenAI-Project, "
        + ["Arch", "Lang", "OS", "Package-Version", "Retry-Count", "Runtime", "Runtime-Version", "Timeout"]
        .map { "X-Stainless-\($0)" }.joined(separator: ", ")

    init(_ origins: CORSOrigins) {
        switch origins {
        case .any: self.origins = nil
        case .list(let origins): self.origins = Set(origins)
        }
    }

    /// Adds what lets the page that made the request read the response.
    func addFields(to response: inout HTTPResponse, for head: HTTPRequestHead?) {
        guard let origins else {
            response.headers.append(HTTPField("Access-Control-Allow-Origin", "*"))
            response.headers.append(HTTPField("Access-Control-Expose-Headers", "X-Request-ID"))
            return
        }
        response.headers.append(HTTPField("Vary", "Origin"))
        guard let origin = head?.headers["origin"], origins.contains(origin.lowercased()) else { return }
        response.headers.append(HTTPField("Access-Control-Allow-Origin", origin))
        response.headers.append(HTTPField("Access-Control-Expose-Headers", "X-Request-ID"))
    }

    /// The answer to `OPTIONS`: a preflight's, which also suits whoever just asks what is allowed.
    func preflight(allow: [HTTPMethod]) -> HTTPResponse {
        var response = HTTPResponse(headers: [
            HTTPField("Access-Control-Allow-Methods", Self.methods),
            HTTPField("Access-Control-Allow-Headers", Self.headers),
            HTTPField("Access-Control-Max-Age", Self.maxAge),
        ])
        if !allow.isEmpty {
            response.headers.append(HTTPField("Allow", allow.map(\.name).joined(separator: ", ")))
        }
        return response
    }
}
