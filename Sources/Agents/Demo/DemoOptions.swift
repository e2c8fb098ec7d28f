import Primitives

/// The pace and the length of the demo agent's answers.
package struct DemoOptions: Sendable, Equatable {
    /// The member of a request's `context` that overrides these options:
    /// `{"demo": {"tokens": 1000, "rate": 10, "timestamps": true}}`.
    package static let contextKey = "demo"
    package static let tokenRange = 0...1_000_000
    package static let rateRange = 0...100_000

    /// How many tokens an answer has; its sentences are repeated or cut as needed. 0: as many as its sentences have.
    package var tokens: Int
    /// Tokens per second; 0: no pause between them.
    package var rate: Double
    /// Whether each token begins with `t=<CLOCK_REALTIME in nanoseconds> `, the time at which it was due or, unpaced, made: to
    /// measure how long it is under way.
    package var timestamps: Bool

    package init(tokens: Int = 0, rate: Double = 20, timestamps: Bool = false) {
        self.tokens = tokens
        self.rate = rate
        self.timestamps = timestamps
    }

    /// All that is wrong with an override.
    package struct Faults: Error, Equatable {
        package var faults: [ContextFault]
    }

    /// These options, but for what `json` sets. A nil or null `json` sets nothing, and so does a null member; members of
    /// other names are ignored.
    ///
    /// - Throws: all faults at once.
    package func overridden(by json: JSONValue?) throws(Faults) -> DemoOptions {
        guard let json, json != .null else { return self }
        var reader = Reader()
        guard let object = json.objectValue else {
            throw Faults(faults: [reader.fault("dict_type", "Input should be a valid dictionary", input: json)])
        }
        var options = self
        if let value = object["tokens"], value != .null {
            options.tokens = reader.integer(value, "tokens", Self.tokenRange)
        }
        if let value = object["rate"], value != .null {
            options.rate = reader.number(value, "rate", Self.rateRange)
        }
        if let value = object["timestamps"], value != .null {
            options.timestamps = reader.bool(value, "timestamps")
        }
        guard reader.faults.isEmpty else { throw Faults(faults: reader.faults) }
        return options
    }
}

extension DemoOptions {
    /// What `overridden(by:)` takes, as JSON Schema.
    static var schema: JSONObject {
        let properties: JSONObject = [
            "tokens": range("integer", tokenRange, "How many tokens the answer has; 0: as many as its sentences have"),
            "rate": range("number", rateRange, "Tokens per second; 0: no pause between them"),
            "timestamps": ["type": ["boolean", "null"], "description": "Whether each token begins with its time"],
        ]
        return [
            "type": ["object", "null"], "properties": .object(properties),
            "description": "The pace and the length of the demo agent's answer",
        ]
    }

    private static func range(_ type: String, _ range: ClosedRange<Int>, _ description: String) -> JSONValue {
        [
            "type": [.string(type), "null"], "minimum": .integer(Int64(range.lowerBound)),
            "maximum": .integer(Int64(range.upperBound)), "description": .string(description),
        ]
    }
}

extension DemoOptions {
    /// Reads members and gathers their faults; what a faulty member is read as does not matter.
    private struct Reader {
        var faults: [ContextFault] = []

        func fault(_ type: String, _ message: String, _ name: String? = nil, input: JSONValue) -> ContextFault {
            let path = [DemoOptions.contextKey] + (name.map { [$0] } ?? [])
            return ContextFault(type: type, path: path, message: message, input: input)
        }

        mutating func integer(_ value: JSONValue, _ name: String, _ range: ClosedRange<Int>) -> Int {
            guard let number = value.doubleValue else {
                faults.append(fault("int_type", "Input should be a valid integer", name, input: value))
                return 0
            }
            guard number.rounded() == number else {
                let message = "Input should be a valid integer, got a number with a fractional part"
                faults.append(fault("int_from_float", message, name, input: value))
                return 0
            }
            return isWithin(range, number, name, value) ? Int(number) : 0
        }

        mutating func number(_ value: JSONValue, _ name: String, _ range: ClosedRange<Int>) -> Double {
            guard let number = value.doubleValue else {
                faults.append(fault("float_type", "Input should be a valid number", name, input: value))
                return 0
            }
            return isWithin(range, number, name, value) ? number : 0
        }

        mutating func bool(_ value: JSONValue, _ name: String) -> Bool {
            if let bool = value.boolValue { return bool }
            faults.append(fault("bool_type", "Input should be a valid boolean", name, input: value))
            return false
        }

        private mutating func isWithin(
            _ range: ClosedRange<Int>,
            _ number: Double,
            _ name: String,
            _ input: JSONValue
        ) -> Bool {
            if number < Double(range.lowerBound) {
                let message = "Input should be greater than or equal to \(range.lowerBound)"
                faults.append(fault("greater_than_equal", message, name, input: input))
                return false
            }
            if number > Double(range.upperBound) {
                let message = "Input should be less than or equal to \(range.upperBound)"
                faults.append(fault("less_than_equal", message, name, input: input))
                return false
            }
            return true
        }
    }
}
