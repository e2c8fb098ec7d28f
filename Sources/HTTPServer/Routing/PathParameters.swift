/// What stood for the `{name}`s of a route's pattern, percent-decoded and never empty.
package struct PathParameters: Sendable, Equatable {
    /// Shared with the route; `values` are in the same order.
    let names: [String]
    let values: [String]

    package init(names: [String] = [], values: [String] = []) {
        precondition(names.count == values.count)
        self.names = names
        self.values = values
    }

    package subscript(name: String) -> String? {
        names.firstIndex(of: name).map { values[$0] }
    }
}
