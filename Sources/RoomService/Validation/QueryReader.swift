import Primitives

/// Reads parameters that came as text, of the query string or of the path, and gathers all their faults.
///
/// Of a name that comes several times, the last value counts. Until `finish` has passed, the values may be placeholders.
struct QueryReader {
    /// Offsets end here, where the sum of an offset and a limit is still far from an overflow.
    static let offsetRange = 0...(1 << 53)

    private(set) var faults: [Fault] = []

    private let values: [String: String]
    private let location: String

    /// - Parameters:
    ///   - parameters: decoded names and values, in order.
    ///   - location: where they come from, as faults tell it: `query` or `path`.
    init(_ parameters: some Sequence<(name: String, value: String)>, location: String = "query") {
        values = Dictionary(parameters.map { ($0.name, $0.value) }) { _, last in last }
        self.location = location
    }

    /// The value as it is, for what cannot be faulty.
    subscript(name: String) -> String? { values[name] }

    mutating func required<Value>(_ name: String, _ rule: Rule<Value>) -> Value {
        required(anyOf: [name], rule)
    }

    /// A parameter that has several names: the first of them that is there counts.
    mutating func required<Value>(anyOf names: [String], _ rule: Rule<Value>) -> Value {
        guard let name = names.first(where: { values[$0] != nil }), let value = values[name] else {
            faults.append(.missing([location, names[0]], input: .null))
            return rule.placeholder
        }
        return read(name, value, rule)
    }

    mutating func optional<Value>(_ name: String, _ rule: Rule<Value>) -> Value? {
        guard let value = values[name] else { return nil }
        if rule.isAbsentWhenEmpty, value.isEmpty { return nil }
        return read(name, value, rule)
    }

    mutating func integer(_ name: String, default defaultValue: Int, _ range: ClosedRange<Int>) -> Int {
        optional(name, .integerText(range)) ?? defaultValue
    }

    /// One of the type's cases, by its raw value.
    mutating func choice<Value>(_ name: String, default defaultValue: Value) -> Value
    where Value: RawRepresentable<String> & CaseIterable & Sendable {
        optional(name, .choice) ?? defaultValue
    }

    /// Adds a fault that no rule can find.
    mutating func add(_ fault: Fault) {
        faults.append(fault)
    }

    /// - Throws: all faults, if there is any.
    func finish() throws(ValidationError) {
        try ValidationError.check(faults)
    }

    private mutating func read<Value>(_ name: String, _ text: String, _ rule: Rule<Value>) -> Value {
        do throws(Rule<Value>.Violation) {
            return try rule.read(.string(text))
        } catch {
            let fault = Fault(
                type: error.type,
                location: [location, name],
                message: error.message,
                input: .string(text)
            )
            faults.append(fault)
            return rule.placeholder
        }
    }
}
