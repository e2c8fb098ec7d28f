import HTTPServer
import Primitives

/// What the documentation says of a route. It stands beside the route; a test holds the two against each other.
struct Operation: Sendable {
    /// What routes are grouped by.
    enum Tag: String, Sendable, CaseIterable {
        case rooms = "Rooms"
        case sessions = "Sessions"
        case chat = "Chat"
        case histories = "Histories"
        case openAI = "OpenAI"
        case service = "Service"
    }

    let method: HTTPMethod
    let path: String
    /// Its name for programs, as those that generate clients: unique.
    let id: String
    let tag: Tag
    let summary: String
    var description = ""
    var isDeprecated = false
    var parameters: [Parameter] = []
    var body: Body?
    /// Of the routes that succeed, and of those that fail with something else than an `APIError`.
    var responses: [Response]
    /// What the route throws, besides what any route may.
    var errors: [APIError] = []

    init(
        _ method: HTTPMethod,
        _ path: String,
        _ id: String,
        _ tag: Tag,
        _ summary: String,
        description: String = "",
        isDeprecated: Bool = false,
        parameters: [Parameter] = [],
        body: Body? = nil,
        responses: [Response],
        errors: [APIError] = []
    ) {
        self.method = method
        self.path = path
        self.id = id
        self.tag = tag
        self.summary = summary
        self.description = description
        self.isDeprecated = isDeprecated
        self.parameters = parameters
        self.body = body
        self.responses = responses
        self.errors = errors
    }
}

extension Operation {
    struct Parameter: Sendable {
        enum Place: String, Sendable {
            case path, query, header
        }

        var place: Place
        var field: Field
        var example: JSONValue?
        /// Whether the value is JSON text.
        var isJSON = false

        static func path(_ name: String, _ description: String, example: String) -> Parameter {
            Parameter(
                place: .path,
                field: Field(name, Rule.identifier.schema(), description),
                example: .string(example)
            )
        }

        static func required<Value>(
            _ name: String,
            _ rule: Rule<Value>,
            _ description: String,
            example: JSONValue
        ) -> Parameter {
            Parameter(place: .query, field: Field(name, rule.schema(), description), example: example)
        }

        static func optional<Value>(
            _ name: String,
            _ rule: Rule<Value>,
            _ description: String,
            example: JSONValue? = nil,
            default defaultValue: JSONValue? = nil
        ) -> Parameter {
            // No text of a query is null.
            var schema = Field.optional(name, rule).schema.with("type", rule.schema()["type"] ?? "string")
            if let values = rule.schema()["enum"] { schema["enum"] = values }
            schema["default"] = defaultValue
            let field = Field(name, schema, description, isRequired: false)
            return Parameter(place: .query, field: field, example: example)
        }

        /// An object as JSON text. The example is an empty one, lest pages that show the document make one up.
        static func json(_ name: String, _ schema: JSONObject, _ description: String) -> Parameter {
            Parameter(
                place: .query,
                field: Field(name, schema, description, isRequired: false),
                example: [:],
                isJSON: true
            )
        }

        static func header(_ name: String, _ schema: JSONObject, _ description: String) -> Parameter {
            Parameter(place: .header, field: Field(name, schema, description, isRequired: false))
        }
    }

    /// A JSON body.
    struct Body: Sendable {
        var schema: JSONObject
        var isRequired = true
        var examples: [Example]
    }

    struct Example: Sendable {
        var name: String
        var summary: String
        var value: JSONValue

        init(_ name: String, _ summary: String, _ value: JSONValue) {
            self.name = name
            self.summary = summary
            self.value = value
        }
    }

    struct Content: Sendable {
        var type: String
        var schema: JSONObject
        var examples: [Example]
    }

    struct Response: Sendable {
        var status: HTTPStatus
        var description: String
        /// Those of different types, in the order of preference.
        var contents: [Content] = []
        /// Fields besides those that all responses have.
        var headers: [Field] = []
        var links: [Link] = []
    }

    /// How a value of a response is used in another call.
    struct Link: Sendable {
        var name: String
        var operationID: String
        /// Expressions (OpenAPI 3.1, section 4.8.20.4), by the names of that call's parameters.
        var parameters: [(name: String, expression: String)] = []
        /// The whole of its body.
        var body: JSONValue?
    }
}

extension Operation.Response {
    static func json(
        _ description: String,
        _ schema: JSONObject,
        status: HTTPStatus = .ok,
        example: JSONValue,
        headers: [Field] = [],
        links: [Operation.Link] = []
    ) -> Self {
        Self(
            status: status,
            description: description,
            contents: [
                .init(type: "application/json", schema: schema, examples: [.init("answer", description, example)])
            ],
            headers: headers,
            links: links
        )
    }

    /// The envelope of a success. The example is what the envelope's own code makes of `data`.
    static func envelope(
        _ message: StaticString,
        _ schema: JSONObject,
        status: HTTPStatus = .ok,
        example data: JSONObject,
        links: [Operation.Link] = []
    ) -> Self {
        let schema = Schema.object([
            Field("success", Schema.constant(true)),
            Field("message", Schema.string),
            Field("data", schema),
            Field("timestamp", Schema.timestamp),
        ])
        let response = Envelope.success(message, data: data, status: status, at: Sample.time)
        return json("\(message)", schema, status: status, example: response.json, links: links)
    }

    static func text(_ type: String, _ description: String, example: String) -> Self {
        Self(
            status: .ok,
            description: description,
            contents: [
                .init(type: type, schema: Schema.string, examples: [.init("answer", description, .string(example))])
            ]
        )
    }
}

extension HTTPResponse {
    /// The body of a response of JSON that this service has made.
    var json: JSONValue {
        guard case .bytes(let bytes) = body, let value = try? JSONParser.parse(bytes) else {
            preconditionFailure("The response is no JSON")
        }
        return value
    }
}
