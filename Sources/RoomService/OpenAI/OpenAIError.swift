import HTTPServer
import Primitives

/// Errors in OpenAI's form, which its clients read: `{"error":{"message","type","param","code"}}`.
enum OpenAIError {
    /// Whether the clients of that path know this form.
    static func isUsed(at path: String) -> Bool { path == "/v1" || path.hasPrefix("/v1/") }

    static func response(_ error: APIError) -> HTTPResponse {
        Envelope.failure(error, json(error), status: status(of: error))
    }

    /// The body of a response, or the data of a stream's last event.
    static func json(_ error: APIError) -> JSONObject {
        // OpenAI tells one fault at a time.
        let fault = error.validation?.faults.first
        let parameter = fault?.parameter ?? error.parameter
        var message = error.message
        if let fault { message = parameter.map { "\($0): \(fault.message)" } ?? fault.message }
        return [
            "error": [
                "message": .string(message),
                "type": .string(type(of: error)),
                "param": JSONValue(parameter),
                "code": .string(fault?.code ?? error.code.lowercased()),
            ]
        ]
    }

    /// OpenAI knows no 422.
    static func status(of error: APIError) -> HTTPStatus {
        error.status == .unprocessableContent ? .badRequest : error.status
    }

    private static func type(of error: APIError) -> String {
        switch error.status {
        case .forbidden: "permission_error"
        case .tooManyRequests: "rate_limit_error"
        case let status where status.code >= 500: "server_error"
        default: "invalid_request_error"
        }
    }
}

extension Fault {
    /// The field as OpenAI writes it: `messages[0].content`. Nil where it is the body as a whole.
    fileprivate var parameter: String? {
        let path = location.dropFirst().reduce("") { path, part in
            part.utf8.allSatisfy(isDigit) ? "\(path)[\(part)]" : path.isEmpty ? part : "\(path).\(part)"
        }
        return path.isEmpty ? nil : path
    }

    /// OpenAI's name for this kind of fault.
    fileprivate var code: String {
        switch type {
        case "missing": "missing_required_parameter"
        case _ where type.hasPrefix("unsupported_"): type
        case _ where type.hasSuffix("_type"): "invalid_type"
        default: "invalid_value"
        }
    }
}
