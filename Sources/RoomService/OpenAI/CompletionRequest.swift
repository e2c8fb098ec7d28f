import Agents
import Primitives

/// The body of `POST /v1/chat/completions`. Members that are not known are ignored, as other services of this form do.
struct CompletionRequest: Sendable {
    /// An agent's name, or `auto`.
    var model: String
    var messages: CompletionMessages
    var isStreamed: Bool
    /// Whether a stream tells the usage at its end.
    var includesUsage: Bool
    var user: String?
    var sessionID: String?
    /// How the answer is to be made: what is known of the sampling parameters, as it was sent.
    var parameters: JSONObject

    init(_ json: JSONValue?) throws(APIError) {
        var body = BodyReader(json)
        model = body.required("model", .identifier)
        messages = body.required("messages", .messages)
        isStreamed = body.optional("stream", .bool) ?? false
        includesUsage = body.optional("stream_options", .includesUsage) ?? false
        user = body.optional("user", .identifier)
        sessionID = body.optional("metadata", .sessionID) ?? nil
        parameters = [:]
        for (name, rule) in Self.parameterRules {
            if let value = body.optional(name, rule) { parameters[name] = value }
        }
        for (name, rule) in Self.unsupported { _ = body.optional(name, rule) }
        if sessionID != nil {
            if user == nil { body.add(.missing(["body", "user"], input: .null)) }
            checkLength(in: &body)
        }
        try check { () throws(ValidationError) in try body.finish() }
    }

    /// Holds what is stored to the limit of all questions.
    private func checkLength(in body: inout BodyReader) {
        let question = JSONValue.string(messages.lastQuestion)
        do throws(Rule<String>.Violation) {
            _ = try Rule.question.read(question)
        } catch {
            let fault = Fault(type: error.type, location: ["body", "messages"], message: error.message, input: .null)
            body.add(fault)
        }
    }

    static let parameterRules: [(name: String, rule: Rule<JSONValue>)] = [
        ("temperature", .number(0...2)),
        ("top_p", .number(0...1)),
        ("presence_penalty", .number(-2...2)),
        ("frequency_penalty", .number(-2...2)),
        ("max_tokens", .wholeNumber(1...Int.max)),
        ("max_completion_tokens", .wholeNumber(1...Int.max)),
        ("seed", .wholeNumber(Int.min...Int.max)),
        ("stop", .stopSequences),
        ("response_format", .responseFormat),
    ]

    /// What would change the answer, and cannot be had.
    static let unsupported: [(name: String, rule: Rule<JSONValue>)] = [
        ("n", .unsupported("Only one choice is supported", but: ["const": 1]) { $0.doubleValue == 1 }),
        ("tools", .unsupported("Tools are not supported", but: ["const": []]) { $0 == [] }),
        ("functions", .unsupported("Functions are not supported", but: ["const": []]) { $0 == [] }),
        ("audio", .unsupported("Audio is not supported", but: ["type": "null"]) { _ in false }),
        ("logprobs", .unsupported("Log probabilities are not supported", but: ["const": false]) { $0 == false }),
    ]
}

extension Rule where Value == Bool {
    /// The one member of `stream_options` that counts here.
    static var includesUsage: Rule {
        Rule(
            placeholder: false,
            schema: { Schema.object([Field.optional("include_usage", .bool)]) }
        ) { value throws(Violation) in
            guard let object = value.objectValue else {
                throw Violation("dict_type", "Input should be a valid dictionary")
            }
            guard let value = object["include_usage"], value != .null else { return false }
            guard let bool = value.boolValue else {
                throw Violation("bool_type", "Input should be a valid boolean", at: ["include_usage"])
            }
            return bool
        }
    }
}

extension Rule where Value == String? {
    /// The one member of `metadata` that counts here.
    static var sessionID: Rule {
        Rule(
            placeholder: nil,
            schema: {
                Schema.object([Field("session_id", Rule<String>.identifier.schema().nullable, isRequired: false)])
            }
        ) { value throws(Violation) in
            guard let object = value.objectValue else {
                throw Violation("dict_type", "Input should be a valid dictionary")
            }
            guard let id = object["session_id"], id != .null else { return nil }
            do throws(Rule<String>.Violation) {
                return try Rule<String>.identifier.read(id)
            } catch {
                throw Violation(error.type, error.message, at: ["session_id"])
            }
        }
    }
}
