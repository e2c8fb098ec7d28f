import Primitives

/// An error as OpenAI's API tells it, `{"error": {"message", "type", "code"}}`, and the forms that others have made of it.
struct ChatCompletionError {
    enum Kind {
        /// Too many requests.
        case rateLimit
        /// The request's own fault.
        case request
        /// The service's.
        case service
    }

    var message: String
    private var type = ""
    private var code = ""

    /// - Returns: nil when `json` tells of no error.
    init?(_ json: JSONObject) {
        switch json["error"] {
        case .object(let error)?:
            message = error["message"]?.stringValue ?? "an error without a message"
            type = error["type"]?.stringValue ?? ""
            code = error["code"].map(Self.text) ?? ""
        case .string(let text)?:
            message = text
        default:
            // As FastAPI and vLLM have it.
            guard json["choices"] == nil, let text = (json["message"] ?? json["detail"])?.stringValue else {
                return nil
            }
            message = text
            type = json["type"]?.stringValue ?? ""
            code = json["code"].map(Self.text) ?? ""
        }
    }

    /// - Returns: nil when `body` is no such JSON.
    init?(body: [UInt8]) {
        guard let json = (try? JSONParser.parse(body))?.objectValue else { return nil }
        self.init(json)
    }

    private static func text(_ value: JSONValue) -> String {
        value.stringValue ?? value.integerValue.map(String.init) ?? ""
    }

    var kind: Kind {
        let words = type + " " + code
        if code == "429" || words.contains("rate_limit") || words.contains("quota") { return .rateLimit }
        if words.contains("invalid_request") || words.contains("context_length") || words.contains("content_filter")
            || words.contains("authentication") || words.contains("permission") || words.contains("not_found")
            || (code.count == 3 && code.first == "4")
        {
            return .request
        }
        return .service
    }

    /// What clients may know of why a request is refused, where it can help them.
    var rejection: String? {
        let words = type + " " + code + " " + message
        if words.contains("context_length") || words.contains("maximum context length") {
            return "The conversation is too long for the model: reset the session, or ask less"
        }
        return words.contains("content_filter") ? "The model's filter refuses this question" : nil
    }
}
