import Primitives

/// A fault in the part of a request's `context` that an agent reads.
package struct ContextFault: Sendable, Equatable {
    /// The kind of fault, by pydantic's names: `int_type`, `less_than_equal`, …
    package var type: String
    /// Where it is, below `context`: `["demo", "rate"]`.
    package var path: [String]
    package var message: String
    package var input: JSONValue

    package init(type: String, path: [String], message: String, input: JSONValue) {
        self.type = type
        self.path = path
        self.message = message
        self.input = input
    }
}
