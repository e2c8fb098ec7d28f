/// The parameters of a query string, `application/x-www-form-urlencoded` (WHATWG URL, section 5.1), in order.
///
/// Stricter than that standard: a broken escape or text that is not UTF-8 is an error instead of being repaired.
package struct QueryParameters: Sendable {
    package struct Parameter: Sendable, Equatable {
        package var name: String
        package var value: String
    }

    package let parameters: [Parameter]

    /// Reads the query of a request head, as it came.
    package init(_ query: String) throws(PercentEncodingError) {
        var parameters: [Parameter] = []
        for piece in query.utf8.split(separator: UInt8(ascii: "&")) {
            let equals = piece.firstIndex(of: UInt8(ascii: "=")) ?? piece.endIndex
            let value = equals == piece.endIndex ? piece[equals...] : piece[equals...].dropFirst()
            parameters.append(Parameter(name: try Self.decode(piece[..<equals]), value: try Self.decode(value)))
        }
        self.parameters = parameters
    }

    package var isEmpty: Bool { parameters.isEmpty }

    /// The value of the last parameter of that name, as FastAPI takes it for a scalar; nil without one.
    package subscript(name: String) -> String? {
        parameters.last { $0.name == name }?.value
    }

    /// All values of that name, in order.
    package func all(_ name: String) -> [String] {
        parameters.filter { $0.name == name }.map(\.value)
    }

    private static func decode(_ text: Substring.UTF8View) throws(PercentEncodingError) -> String {
        try PercentEncoding.string(PercentEncoding.decode(text, plusIsSpace: true))
    }
}
