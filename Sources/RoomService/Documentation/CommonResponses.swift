import HTTPServer
import Primitives

/// What any route may answer, before it is asked or when it fails.
struct CommonResponses {
    private let limits: HTTPLimits

    init(limits: HTTPLimits) {
        self.limits = limits
    }

    static let headers: JSONObject = [
        "X-Request-ID": .object(
            header(
                Schema.string(lengths: 1...128),
                "The request's name, for questions about it",
                example: "req_5b1e_2a"
            )
        ),
        "Retry-After": .object(header(Schema.count, "When trying again makes sense, in seconds", example: 1)),
        "Allow": .object(header(Schema.string, "The methods of the path", example: "GET, HEAD, POST, OPTIONS")),
    ]

    private static func header(_ schema: JSONObject, _ description: String, example: JSONValue) -> JSONObject {
        ["description": .string(description), "required": true, "schema": .object(schema), "example": example]
    }

    static func reference(toHeader name: String) -> JSONValue {
        ["$ref": .string("#/components/headers/\(name)")]
    }

    /// Where the same is answered everywhere: one failure each.
    private var everywhere: [APIError] {
        var notAllowed = APIError.methodNotAllowed
        notAllowed.allow = [.get, .head, .post, .options]
        return [
            notAllowed,
            APIError(HTTPParseError(.requestTimeout, "The request did not arrive in time")),
            APIError(HTTPParseError(.contentTooLarge, "The body is longer than \(limits.body) bytes")),
            APIError(HTTPParseError(.uriTooLong, "The request target is longer than \(limits.target) bytes")),
            APIError(HTTPParseError(.expectationFailed, "Only 100-continue can be expected")),
            APIError(HTTPParseError(.headerFieldsTooLarge, "More than \(limits.headerCount) header fields")),
            APIError(HTTPParseError(.notImplemented, "A transfer coding other than chunked")),
            APIError(HTTPParseError(.versionNotSupported, "Only HTTP/1.1 and HTTP/1.0 are served")),
        ]
    }

    /// What a route adds its own failures to.
    let alsoEverywhere = [
        APIError(HTTPParseError(.badRequest, "A header line has no colon")),
        APIError.internalError,
        APIError(HTTPParseError(.serviceUnavailable, "Too many connections")),
    ]

    /// The document's `components/responses`.
    var components: JSONObject {
        var components = JSONObject()
        for form in [ErrorForm.envelope, .openAI] {
            for error in everywhere {
                components[name(of: error, form)] = .object(form.response(to: [error], path: form.samplePath))
            }
        }
        return components
    }

    /// References to them, by status.
    func references(_ form: ErrorForm) -> [(status: HTTPStatus, reference: JSONValue)] {
        everywhere.map { ($0.status, ["$ref": .string("#/components/responses/\(name(of: $0, form))")]) }
    }

    private func name(of error: APIError, _ form: ErrorForm) -> String {
        (form == .openAI ? "OpenAI." : "") + error.code
    }
}

/// The two forms that errors have.
enum ErrorForm: Equatable {
    case envelope, openAI

    init(path: String) {
        self = OpenAIError.isUsed(at: path) ? .openAI : .envelope
    }

    var samplePath: String { self == .openAI ? "/v1/chat/completions" : "/api/rooms" }

    /// The document's response for failures of one status.
    func response(to errors: [APIError], path: String) -> JSONObject {
        var response: JSONObject = [
            "description": .string(errors.map(\.message).joined(separator: "; ")),
            "headers": .object(Self.headers(of: errors)),
        ]
        let examples = self.examples(of: errors, path: path).map { example in
            JSONObject.Member(key: example.name, value: .object(example.json))
        }
        response["content"] = [
            "application/json": [
                "schema": .object(schema(of: errors)), "examples": .object(JSONObject(examples)),
            ]
        ]
        return response
    }

    static func headers(of errors: [APIError]) -> JSONObject {
        var headers: JSONObject = ["X-Request-ID": CommonResponses.reference(toHeader: "X-Request-ID")]
        if errors.contains(where: { !$0.allow.isEmpty }) {
            headers["Allow"] = CommonResponses.reference(toHeader: "Allow")
        }
        // Where some of them have it, it may be missing.
        if !errors.isEmpty, errors.allSatisfy({ $0.retryAfter != nil }) {
            headers["Retry-After"] = CommonResponses.reference(toHeader: "Retry-After")
        }
        return headers
    }

    func schema(of errors: [APIError]) -> JSONObject {
        let codes = errors.reduce(into: [String]()) { if !$0.contains($1.code) { $0.append($1.code) } }
        let isValidation = errors.contains { $0.validation != nil }
        switch self {
        case .envelope:
            let narrowed = Schema.object([Field("error_code", Schema.string(oneOf: codes))])
            let base = Schema.reference(isValidation ? "ValidationError" : "Error")
            return ["allOf": [.object(base), .object(narrowed)]]
        case .openAI:
            // What is malformed before its path is known is answered in the other form.
            let isEarly = errors.contains { $0.status == .badRequest } || errors.allSatisfy { $0.isOfTransport }
            let base = Schema.reference("OpenAIError")
            return isEarly ? Schema.any(of: [base, Schema.reference("Error")]) : base
        }
    }

    /// What the service's own code answers.
    func examples(of errors: [APIError], path: String) -> [Operation.Example] {
        var examples: [Operation.Example] = []
        for error in errors {
            let code = error.code.lowercased()
            let others = examples.count { $0.name == code || $0.name.hasPrefix(code + "_") }
            let name = others == 0 ? code : "\(code)_\(others + 1)"
            let response =
                self == .openAI
                ? OpenAIError.response(error)
                : Envelope.failure(error, path: path, requestID: Sample.requestID, at: Sample.time)
            examples.append(Operation.Example(name, error.message, response.json))
        }
        return examples
    }
}

extension APIError {
    /// Whether it comes before there is a request that could be routed.
    fileprivate var isOfTransport: Bool {
        [408, 413, 414, 417, 431, 501, 503, 505].contains(status.code)
    }
}
