import Primitives

extension Rule where Value == JSONObject {
    static let metadataLimit = 10_240

    /// Any object.
    static var object: Rule {
        Rule(placeholder: [:], schema: { Schema.anyObject }) { value throws(Violation) in
            guard let object = value.objectValue else {
                throw Violation("dict_type", "Input should be a valid dictionary")
            }
            return object
        }
    }

    /// An object of at most 10,240 bytes as compact JSON.
    static var metadata: Rule {
        Rule(placeholder: [:], schema: { Schema.anyObject }) { value throws(Violation) in
            let object = try Rule.object.read(value)
            guard value.encoded.count <= metadataLimit else {
                throw Violation("value_error", "Value error, metadata must be at most \(metadataLimit) bytes of JSON")
            }
            return object
        }
    }
}

extension Rule where Value == JSONObject {
    /// An object as the JSON text of a parameter.
    static var objectText: Rule {
        Rule(placeholder: [:], isAbsentWhenEmpty: true, schema: { Schema.anyObject }) { value throws(Violation) in
            let json: JSONValue
            do throws(JSONError) {
                json = try JSONParser.parse(Array((value.stringValue ?? "").utf8))
            } catch {
                throw Violation("json_invalid", "Invalid JSON: \(error)")
            }
            return try Rule.object.read(json)
        }
    }
}

extension Rule where Value == JSONValue {
    /// Anything but null.
    static var any: Rule {
        Rule(placeholder: .null, schema: { [:] }) { value throws(Violation) in value }
    }
}

extension Rule where Value == Bool {
    static var bool: Rule {
        Rule(placeholder: false, schema: { Schema.bool }) { value throws(Violation) in
            guard let bool = value.boolValue else { throw Violation("bool_type", "Input should be a valid boolean") }
            return bool
        }
    }
}

extension Rule where Value == Int {
    /// A whole number in JSON, `3.0` included.
    static func integer(_ range: ClosedRange<Int>) -> Rule {
        Rule(placeholder: range.lowerBound, schema: { Schema.integer(range) }) { value throws(Violation) in
            switch value {
            case .integer(let number): return try check(Int(number), range)
            // Beyond 2^53 a double is no exact number; the range then decides by its sign.
            case .double(let number) where number.rounded() == number:
                return try check(Int(exactly: number) ?? (number < 0 ? .min : .max), range)
            case .double:
                throw Violation(
                    "int_from_float",
                    "Input should be a valid integer, got a number with a fractional part"
                )
            default: throw Violation("int_type", "Input should be a valid integer")
            }
        }
    }

    /// A whole number as the text of a parameter.
    static func integerText(_ range: ClosedRange<Int>) -> Rule {
        Rule(placeholder: range.lowerBound, schema: { Schema.integer(range) }) { value throws(Violation) in
            let text = value.stringValue ?? ""
            let digits = text.hasPrefix("-") || text.hasPrefix("+") ? text.utf8.dropFirst() : text.utf8[...]
            guard !digits.isEmpty, digits.allSatisfy(isDigit) else {
                throw Violation(
                    "int_parsing",
                    "Input should be a valid integer, unable to parse string as an integer"
                )
            }
            return try check(Int(text) ?? (text.hasPrefix("-") ? .min : .max), range)
        }
    }

    private static func check(_ number: Int, _ range: ClosedRange<Int>) throws(Violation) -> Int {
        if number < range.lowerBound {
            throw Violation("greater_than_equal", "Input should be greater than or equal to \(range.lowerBound)")
        }
        if number > range.upperBound {
            throw Violation("less_than_equal", "Input should be less than or equal to \(range.upperBound)")
        }
        return number
    }
}

extension Rule where Value: RawRepresentable<String> & CaseIterable {
    /// One of the type's cases, by its raw value.
    static var choice: Rule {
        let cases = Array(Value.allCases)
        return Rule(
            placeholder: cases[0],
            schema: { Schema.string(oneOf: Value.allCases.map(\.rawValue)) }
        ) { value throws(Violation) in
            if let text = value.stringValue, let choice = Value(rawValue: text) { return choice }
            let quoted = Value.allCases.map { "'\($0.rawValue)'" }
            let list = quoted.dropLast().joined(separator: ", ")
            let expected = list.isEmpty ? quoted[0] : "\(list) or \(quoted[quoted.count - 1])"
            throw Violation("literal_error", "Input should be \(expected)")
        }
    }
}
