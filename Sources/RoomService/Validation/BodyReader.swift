import Primitives

/// Reads the fields of a JSON body, and gathers all their faults.
///
///     var body = BodyReader(json)
///     let userID = body.required("user_id", .userID)
///     let name = body.optional("room_name", .roomName)
///     try body.finish()
///
/// Until `finish` has passed, the values may be placeholders. Members that nobody asks for are ignored.
struct BodyReader {
    private(set) var faults: [Fault] = []

    /// Nil when the body is no object: there is one fault for all then.
    private let object: JSONObject?

    private static let location = "body"

    /// - Parameters:
    ///   - json: the body; nil where there was none.
    ///   - isOptional: whether no body, or `null`, is as good as an empty object.
    init(_ json: JSONValue?, isOptional: Bool = false) {
        switch json {
        case .object(let object):
            self.object = object
        case nil where isOptional, .null? where isOptional:
            object = [:]
        case nil:
            object = nil
            faults.append(.missing([Self.location], input: .null))
        case let json?:
            object = nil
            faults.append(
                Fault(
                    type: "model_attributes_type",
                    location: [Self.location],
                    message: "Input should be a valid dictionary or object to extract fields from",
                    input: json
                )
            )
        }
    }

    /// A field that must be there. Null is a value like others, which most rules refuse.
    mutating func required<Value>(_ name: String, _ rule: Rule<Value>) -> Value {
        required(anyOf: [name], rule)
    }

    /// A field that has several names: the first of them that is there and not null counts, and a fault is told by the
    /// name that was sent or else the first.
    mutating func required<Value>(anyOf names: [String], _ rule: Rule<Value>) -> Value {
        guard let object else { return rule.placeholder }
        let present = names.filter { object[$0] != nil }
        guard let name = present.first(where: { object[$0] != .null }) ?? present.first, let value = object[name] else {
            faults.append(.missing([Self.location, names[0]], input: .object(object)))
            return rule.placeholder
        }
        return read(name, value, rule)
    }

    /// A field that may be left out, or be null.
    mutating func optional<Value>(_ name: String, _ rule: Rule<Value>) -> Value? {
        guard let value = object?[name], value != .null else { return nil }
        if rule.isAbsentWhenEmpty, value == "" { return nil }
        return read(name, value, rule)
    }

    /// Adds a fault that no rule can find.
    mutating func add(_ fault: Fault) {
        faults.append(fault)
    }

    /// - Throws: all faults, if there is any.
    func finish() throws(ValidationError) {
        try ValidationError.check(faults)
    }

    private mutating func read<Value>(_ name: String, _ value: JSONValue, _ rule: Rule<Value>) -> Value {
        do throws(Rule<Value>.Violation) {
            return try rule.read(value)
        } catch {
            let location = [Self.location, name] + error.path
            faults.append(Fault(type: error.type, location: location, message: error.message, input: value))
            return rule.placeholder
        }
    }
}
