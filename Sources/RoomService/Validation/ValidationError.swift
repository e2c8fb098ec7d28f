import Primitives

/// All that is wrong with a request's fields: a 422 with `VALIDATION_ERROR`.
struct ValidationError: Error, Equatable {
    /// At least one.
    let faults: [Fault]

    /// Passes where no reader has found a fault; otherwise throws what all have found, in the order of the arguments.
    static func check(_ faults: [Fault]...) throws(ValidationError) {
        let all = faults.flatMap { $0 }
        guard all.isEmpty else { throw ValidationError(faults: all) }
    }

    /// The list that clients of FastAPI read as `detail`.
    var detail: JSONValue { .array(faults.map(\.detail)) }

    /// The list `details`, with the places as dotted names.
    var details: JSONValue { .array(faults.map(\.field)) }
}
