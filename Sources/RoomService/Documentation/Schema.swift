import Primitives

/// JSON Schemas (draft 2020-12, the dialect of OpenAPI 3.1), as far as the documentation needs them.
enum Schema {
    static let string: JSONObject = ["type": "string"]
    static let bool: JSONObject = ["type": "boolean"]
    static let anyObject: JSONObject = ["type": "object"]
    /// A count, or another number that is not negative.
    static let count: JSONObject = ["type": "integer", "minimum": 0]

    /// A time as `Timestamp` writes it.
    static let timestamp: JSONObject = [
        "type": "string", "format": "date-time",
        "pattern": #"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$"#,
    ]

    /// - Parameter lengths: in Unicode characters, as the rules count them.
    static func string(lengths: ClosedRange<Int>) -> JSONObject {
        string.with("minLength", lengths.lowerBound).with("maxLength", lengths.upperBound)
    }

    /// - Parameter pattern: a regular expression (ECMA-262).
    static func string(matching pattern: String) -> JSONObject {
        string.with("pattern", .string(pattern))
    }

    static func string(oneOf values: [String]) -> JSONObject {
        string.with("enum", .array(values.map(JSONValue.string)))
    }

    static func constant(_ value: JSONValue) -> JSONObject { ["const": value] }

    /// An end of the range that is that of the type itself is no limit.
    static func integer(_ range: ClosedRange<Int>) -> JSONObject {
        var schema: JSONObject = ["type": "integer"]
        if range.lowerBound != .min { schema = schema.with("minimum", range.lowerBound) }
        if range.upperBound != .max { schema = schema.with("maximum", range.upperBound) }
        return schema
    }

    static func number(_ range: ClosedRange<Double>) -> JSONObject {
        ["type": "number", "minimum": .integer(Int64(range.lowerBound)), "maximum": .integer(Int64(range.upperBound))]
    }

    static func array(of items: JSONObject) -> JSONObject { ["type": "array", "items": .object(items)] }

    static func any(of schemas: [JSONObject]) -> JSONObject {
        schemas.count == 1 ? schemas[0] : ["anyOf": .array(schemas.map(JSONValue.object))]
    }

    /// All of that, and members that are not named besides, as everywhere in this API.
    static func object(_ fields: [Field]) -> JSONObject {
        var schema = anyObject
        let required = fields.filter(\.isRequired).map { JSONValue.string($0.name) }
        if !required.isEmpty { schema["required"] = .array(required) }
        let members = fields.map { JSONObject.Member(key: $0.name, value: .object($0.schema)) }
        schema["properties"] = .object(JSONObject(members))
        return schema
    }

    /// A schema of the document's `components`.
    static func reference(_ name: String) -> JSONObject { ["$ref": .string("#/components/schemas/\(name)")] }
}

extension JSONObject {
    func with(_ name: String, _ value: JSONValue) -> JSONObject {
        var object = self
        object[name] = value
        return object
    }

    func with(_ name: String, _ number: Int) -> JSONObject { with(name, .integer(Int64(number))) }

    func described(_ text: String) -> JSONObject { text.isEmpty ? self : with("description", .string(text)) }

    /// A schema that takes null, too.
    var nullable: JSONObject {
        guard let type = self["type"] else {
            return isEmpty ? self : ["anyOf": [.object(self), ["type": "null"]]]
        }
        if type == "null" { return self }
        var schema = with("type", [type, "null"])
        if let values = self["enum"]?.arrayValue { schema["enum"] = .array(values + [.null]) }
        return schema
    }

    /// A schema that takes an empty text, too, where it takes texts.
    fileprivate var orEmpty: JSONObject {
        guard self["minLength"] != nil else { return self }
        return with("minLength", 0)
    }
}

/// A member of an object, or a parameter.
struct Field: Sendable {
    let name: String
    let schema: JSONObject
    let isRequired: Bool

    init(_ name: String, _ schema: JSONObject, _ description: String = "", isRequired: Bool = true) {
        self.name = name
        self.schema = schema.described(description)
        self.isRequired = isRequired
    }

    /// As `BodyReader.required` reads it.
    static func required<Value>(_ name: String, _ rule: Rule<Value>, _ description: String = "") -> Field {
        Field(name, rule.schema(), description)
    }

    /// As `BodyReader.optional` reads it.
    static func optional<Value>(_ name: String, _ rule: Rule<Value>, _ description: String = "") -> Field {
        let schema = rule.isAbsentWhenEmpty ? rule.schema().orEmpty : rule.schema()
        return Field(name, schema.nullable, description, isRequired: false)
    }
}
