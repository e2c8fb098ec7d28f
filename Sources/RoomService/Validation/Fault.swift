import Agents
import Primitives

/// One fault of a request, in the words of pydantic v2 (`type`, `msg`), which clients of such services know.
struct Fault: Sendable, Equatable {
    /// The kind of fault: `missing`, `string_too_long`, …
    var type: String
    /// Where it is: `["body", "history"]`, `["query", "limit"]`.
    var location: [String]
    var message: String
    /// What was sent: for `missing` the whole enclosing object, or null for a parameter.
    var input: JSONValue

    /// Inputs of more JSON than this many bytes are not sent back: several faults of one large body would answer it with
    /// a multiple of its size.
    static let inputLimit = 2048

    /// A member of FastAPI's `detail` list.
    var detail: JSONValue {
        var object: JSONObject = [
            "type": .string(type),
            "loc": .array(location.map(JSONValue.string)),
            "msg": .string(message),
        ]
        if input.encoded.count <= Self.inputLimit { object["input"] = input }
        return .object(object)
    }

    /// A member of the `details` list.
    var field: JSONValue {
        ["field": .string(location.joined(separator: ".")), "message": .string(message), "type": .string(type)]
    }
}

extension Fault {
    /// A fault that an agent found in the `context` of a `body` or a `query`.
    init(_ fault: ContextFault, in location: String = "body") {
        self.init(
            type: fault.type,
            location: [location, "context"] + fault.path,
            message: fault.message,
            input: fault.input
        )
    }

    static func missing(_ location: [String], input: JSONValue) -> Fault {
        Fault(type: "missing", location: location, message: "Field required", input: input)
    }
}
