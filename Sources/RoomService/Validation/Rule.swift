import Primitives

/// What a field may hold, and how its value is read.
struct Rule<Value: Sendable>: Sendable {
    /// Why a value is refused.
    struct Violation: Error {
        var type: String
        var message: String
        /// Where in the field it is.
        var path: [String]

        init(_ type: String, _ message: String, at path: [String] = []) {
            self.type = type
            self.message = message
            self.path = path
        }
    }

    /// What a faulty field is read as, so that the reading goes on; it is never used, as the reader then throws.
    let placeholder: Value
    /// Whether an optional field may be sent as `""` to say that there is none.
    let isAbsentWhenEmpty: Bool
    /// What `read` takes, as JSON Schema: for the documentation, which thus has the very limits. Made when it is asked for, as
    /// rules are made for each request.
    let schema: @Sendable () -> JSONObject
    let read: @Sendable (JSONValue) throws(Violation) -> Value

    init(
        placeholder: Value,
        isAbsentWhenEmpty: Bool = false,
        schema: @escaping @Sendable () -> JSONObject,
        read: @escaping @Sendable (JSONValue) throws(Violation) -> Value
    ) {
        self.placeholder = placeholder
        self.isAbsentWhenEmpty = isAbsentWhenEmpty
        self.schema = schema
        self.read = read
    }
}
