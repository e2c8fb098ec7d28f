/// Finds what answers a request, by method and path.
///
/// A trie by path segment. A literal comes before a parameter, and where a literal leads to no route for the method,
/// the parameter is tried. Paths are case-sensitive; one slash at the end makes no difference, and nothing is redirected.
/// Escapes are decoded before segments are compared, so that an encoded slash never splits one (RFC 3986, section 2.4).
package struct Router<Handler: Sendable>: Sendable {
    package enum Match: Sendable {
        /// `index` is the route's place in `routes`.
        case found(handler: Handler, pattern: String, parameters: PathParameters, index: Int)
        /// The path is known, but not with this method. `allow` is for the `Allow` field; it has `OPTIONS` too, which
        /// the caller answers itself.
        case methodNotAllowed(allow: [HTTPMethod])
        case notFound
        /// The path has a broken escape, or one for NUL or for what is no UTF-8: a 400.
        case badPath(reason: String)
    }

    private struct Route: Sendable {
        var pattern: RoutePattern
        var handler: Handler
    }

    private var table = RouteTable()
    private var registered: [Route] = []

    package init() {}

    /// All that is registered, in order.
    package var routes: [(method: HTTPMethod, pattern: String)] {
        registered.indices.map { (table.method(of: $0), registered[$0].pattern.text) }
    }

    /// Registers a handler for a pattern such as `/api/rooms/{room_id}/history`. A pattern that is malformed, or that
    /// equals another one but for its parameters' names, is a mistake in the program and traps.
    ///
    /// With `answersHead`, the handler of a `GET` is also found for `HEAD`, unless that has its own.
    package mutating func on(
        _ method: HTTPMethod,
        _ pattern: String,
        answersHead: Bool = true,
        _ handler: Handler
    ) {
        guard let parsed = RoutePattern(pattern) else { preconditionFailure("Malformed route: \(pattern)") }
        let isNew = table.insert(method, parsed.segments, answersHead: answersHead)
        precondition(isNew, "Duplicate route: \(method.name) \(pattern)")
        registered.append(Route(pattern: parsed, handler: handler))
    }

    /// The handler for `path`, which is percent-encoded as it came in a request head.
    package func route(method: HTTPMethod, path: String) -> Match {
        do throws(PercentEncodingError) {
            guard let segments = try PathSegments(path, limit: table.depth) else { return .notFound }
            switch table.find(method, segments) {
            case .found(let index, let values):
                let pattern = registered[index].pattern
                return .found(
                    handler: registered[index].handler,
                    pattern: pattern.text,
                    parameters: PathParameters(names: pattern.names, values: values),
                    index: index
                )
            case .methodNotAllowed(let allow):
                return .methodNotAllowed(allow: allow)
            case .notFound:
                return .notFound
            }
        } catch {
            return .badPath(reason: error.reason)
        }
    }
}
