import Primitives

/// Values that are passed on as they were sent, once they are known to be sound.
extension Rule where Value == JSONValue {
    static func number(_ range: ClosedRange<Double>) -> Rule {
        Rule(placeholder: .null, schema: { Schema.number(range) }) { value throws(Violation) in
            guard let number = value.doubleValue else {
                throw Violation("float_type", "Input should be a valid number")
            }
            guard range.contains(number) else {
                let limits = "\(Int(range.lowerBound)) and \(Int(range.upperBound))"
                throw Violation("value_error", "Input should be between \(limits)")
            }
            return value
        }
    }

    static func wholeNumber(_ range: ClosedRange<Int>) -> Rule {
        Rule(placeholder: .null, schema: { Schema.integer(range) }) { value throws(Violation) in
            do throws(Rule<Int>.Violation) {
                _ = try Rule<Int>.integer(range).read(value)
            } catch {
                throw Violation(error.type, error.message)
            }
            return value
        }
    }

    /// A text, or up to four of them, at which the answer ends.
    static var stopSequences: Rule {
        Rule(
            placeholder: .null,
            schema: {
                Schema.any(of: [
                    Schema.string, Schema.array(of: Schema.string).with("maxItems", .integer(Int64(stopLimit))),
                ])
            }
        ) { value throws(Violation) in
            if value.stringValue != nil { return value }
            guard let list = value.arrayValue, list.allSatisfy({ $0.stringValue != nil }) else {
                throw Violation("string_type", "Input should be a string, or a list of strings")
            }
            guard list.count <= stopLimit else {
                throw Violation("too_long", "List should have at most \(stopLimit) items")
            }
            return value
        }
    }

    private static var stopLimit: Int { 4 }

    /// `{"type":"json_object"}` and the like.
    static var responseFormat: Rule {
        let types = ["text", "json_object", "json_schema"]
        return Rule(
            placeholder: .null,
            schema: { Schema.object([Field("type", Schema.string(oneOf: types))]) }
        ) { value throws(Violation) in
            guard let object = value.objectValue else {
                throw Violation("dict_type", "Input should be a valid dictionary")
            }
            guard let type = object["type"]?.stringValue, types.contains(type) else {
                throw Violation("literal_error", "Input should be 'text', 'json_object' or 'json_schema'", at: ["type"])
            }
            return value
        }
    }

    /// What is refused, unless it asks for what happens anyway.
    ///
    /// - Parameter harmless: what that is, as JSON Schema.
    static func unsupported(
        _ message: String,
        but harmless: JSONObject,
        unless isHarmless: @escaping @Sendable (JSONValue) -> Bool
    ) -> Rule {
        Rule(placeholder: .null, schema: { harmless }) { value throws(Violation) in
            guard isHarmless(value) else { throw Violation("unsupported_parameter", message) }
            return value
        }
    }
}
