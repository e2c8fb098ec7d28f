/// The trie behind a `Router`: it knows methods and paths, and handlers only by number.
///
/// Apart from the router because it is not generic, and so is compiled once and without look-ups of types at run time.
struct RouteTable: Sendable {
    enum Match {
        case found(index: Int, values: [String])
        case methodNotAllowed(allow: [HTTPMethod])
        case notFound
    }

    private struct Route: Sendable {
        var index: Int
        var method: HTTPMethod
        var answersHead: Bool
    }

    /// The routes that share their path so far.
    private struct Node: Sendable {
        var literals: [(segment: [UInt8], node: Int)] = []
        var parameter: Int?
        /// The routes that end here.
        var routes: [Route] = []
    }

    private var nodes = [Node()]
    private var methods: [HTTPMethod] = []
    /// The segments of the longest pattern.
    private(set) var depth = 0

    func method(of index: Int) -> HTTPMethod { methods[index] }

    /// Adds the next route. False, and nothing done, when there is such a route.
    mutating func insert(_ method: HTTPMethod, _ segments: [RoutePattern.Segment], answersHead: Bool) -> Bool {
        var place = 0
        for segment in segments { place = child(of: place, for: segment) }
        if nodes[place].routes.contains(where: { $0.method == method }) { return false }
        nodes[place].routes.append(Route(index: methods.count, method: method, answersHead: answersHead))
        methods.append(method)
        depth = max(depth, segments.count)
        return true
    }

    private mutating func child(of place: Int, for segment: RoutePattern.Segment) -> Int {
        switch segment {
        case .parameter:
            if let child = nodes[place].parameter { return child }
            nodes[place].parameter = nodes.count
        case .literal(let text):
            if let child = nodes[place].literals.first(where: { $0.segment == text }) { return child.node }
            nodes[place].literals.append((text, nodes.count))
        }
        nodes.append(Node())
        return nodes.count - 1
    }

    func find(_ method: HTTPMethod, _ path: PathSegments) -> Match {
        var search = Search()
        if let index = find(method, path, &search, from: 0, segment: 0) {
            return .found(index: index, values: search.parameters.map(path.text))
        }
        return search.others.isEmpty ? .notFound : .methodNotAllowed(allow: Self.allow(search.others))
    }

    private struct Search {
        /// The segments that stand for parameters on the way that is being tried.
        var parameters: [Int] = []
        /// Routes for the path with other methods.
        var others: [Route] = []
    }

    private func find(
        _ method: HTTPMethod,
        _ path: PathSegments,
        _ search: inout Search,
        from place: Int,
        segment: Int
    ) -> Int? {
        guard segment < path.count else {
            if let index = route(for: method, at: place) { return index }
            search.others += nodes[place].routes
            return nil
        }
        for literal in nodes[place].literals where path.equals(segment, literal.segment) {
            if let index = find(method, path, &search, from: literal.node, segment: segment + 1) { return index }
        }
        guard let child = nodes[place].parameter, !path.isEmpty(segment) else { return nil }
        search.parameters.append(segment)
        if let index = find(method, path, &search, from: child, segment: segment + 1) { return index }
        search.parameters.removeLast()
        return nil
    }

    private func route(for method: HTTPMethod, at place: Int) -> Int? {
        var get: Int?
        for route in nodes[place].routes {
            if route.method == method { return route.index }
            if route.method == .get, route.answersHead { get = route.index }
        }
        return method == .head ? get : nil
    }

    /// The methods of `routes`, in a fixed order.
    private static func allow(_ routes: [Route]) -> [HTTPMethod] {
        var methods: Set<HTTPMethod> = [.options]
        for route in routes {
            methods.insert(route.method)
            if route.method == .get, route.answersHead { methods.insert(.head) }
        }
        let usual: [HTTPMethod] = [.get, .head, .post, .put, .patch, .delete, .options]
        return usual.filter(methods.contains) + methods.subtracting(usual).sorted { $0.name < $1.name }
    }
}
