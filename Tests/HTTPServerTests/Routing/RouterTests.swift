import Testing

@testable import HTTPServer

@Suite struct RouterTests {
    private let router: Router<String> = {
        var router = Router<String>()
        router.on(.get, "/", "root")
        router.on(.get, "/api/rooms", "list")
        router.on(.post, "/api/rooms", "create")
        router.on(.get, "/api/rooms/{room_id}", "room")
        router.on(.delete, "/api/rooms/{room_id}", "delete")
        router.on(.get, "/api/rooms/{id}/history", "history")
        router.on(.post, "/api/rooms/search", "search")
        router.on(.get, "/api/chat/message", answersHead: false, "stream")
        router.on(.head, "/own", "own head")
        router.on(.get, "/own", "own get")
        router.on(.get, "/a/{x}/c", "parameter")
        router.on(.get, "/a/b/{y}", "literal")
        router.on(.get, "/a/b/c/d", "deep")
        router.on(.get, "/{p}/{q}/{r}/{s}", "four")
        router.on(.other("LINK"), "/verbs", "link")
        router.on(.other("COPY"), "/verbs", "copy")
        router.on(.patch, "/verbs", "patch")
        return router
    }()

    /// A match as text: `handler pattern name=value…`, or what else it is.
    private func route(_ method: HTTPMethod, _ path: String) -> String {
        switch router.route(method: method, path: path) {
        case .found(let handler, let pattern, let parameters, _):
            ([handler, pattern] + zip(parameters.names, parameters.values).map { "\($0)=\($1)" }).joined(separator: " ")
        case .methodNotAllowed(let allow): "405 " + allow.map(\.name).joined(separator: ",")
        case .notFound: "404"
        case .badPath(let reason): "400 \(reason)"
        }
    }

    @Test(
        arguments: [
            (.get, "/", "root /"),
            (.get, "/api/rooms", "list /api/rooms"),
            (.get, "/api/rooms/", "list /api/rooms"),
            (.post, "/api/rooms", "create /api/rooms"),
            (.get, "/api/rooms/r-1", "room /api/rooms/{room_id} room_id=r-1"),
            (.get, "/api/rooms/r-1/", "room /api/rooms/{room_id} room_id=r-1"),
            (.get, "/api/rooms/r/history", "history /api/rooms/{id}/history id=r"),
            (.get, "/api/rooms/a%20b%2Fc+%c3%A9", "room /api/rooms/{room_id} room_id=a b/c+\u{E9}"),
            (.get, "/api/rooms/%2F", "room /api/rooms/{room_id} room_id=/"),
            (.get, "/api/%72ooms", "list /api/rooms"),
            (.get, "/api/rooms/\u{E9}", "room /api/rooms/{room_id} room_id=\u{E9}"),
            // A literal that has not the method leaves the parameter its chance.
            (.post, "/api/rooms/search", "search /api/rooms/search"),
            (.get, "/api/rooms/search", "room /api/rooms/{room_id} room_id=search"),
            // So does one that leads nowhere.
            (.get, "/a/b/c", "literal /a/b/{y} y=c"),
            (.get, "/a/x/c", "parameter /a/{x}/c x=x"),
            (.get, "/a/b/c/d", "deep /a/b/c/d"),
            (.get, "/a/b/c/e", "four /{p}/{q}/{r}/{s} p=a q=b r=c s=e"),
            (.get, "/api/rooms/b/e", "four /{p}/{q}/{r}/{s} p=api q=rooms r=b s=e"),
            (.head, "/api/rooms", "list /api/rooms"),
            (.head, "/own", "own head /own"),
            (.get, "/own", "own get /own"),
        ] as [(HTTPMethod, String, String)]
    )
    func `a path finds its handler, pattern and parameters`(method: HTTPMethod, path: String, expected: String) {
        #expect(route(method, path) == expected)
    }

    @Test(
        arguments: [
            "", "*", "api/rooms", "/api", "/API/rooms", "/api/rooms//", "/api//rooms", "//api/rooms",
            "/api/rooms//history",
            "/x/y/z", "/api/rooms/r/history/x/y", "/x", "/api/room", "/api/roomss", "/api%2Frooms",
            "/a/b/c/d/e/f/g", "///",
        ]
    )
    func `a path that is not known`(path: String) {
        #expect(route(.get, path) == "404")
    }

    @Test(
        arguments: [
            (.put, "/", "405 GET,HEAD,OPTIONS"), (.put, "/api/rooms", "405 GET,HEAD,POST,OPTIONS"),
            (.options, "/api/rooms/", "405 GET,HEAD,POST,OPTIONS"),
            (.put, "/api/rooms/x", "405 GET,HEAD,DELETE,OPTIONS"),
            (.put, "/api/rooms/search", "405 GET,HEAD,POST,DELETE,OPTIONS"),
            (.head, "/api/chat/message", "405 GET,OPTIONS"), (.put, "/own", "405 GET,HEAD,OPTIONS"),
            (.get, "/verbs", "405 PATCH,OPTIONS,COPY,LINK"), (.other("get"), "/own", "405 GET,HEAD,OPTIONS"),
        ] as [(HTTPMethod, String, String)]
    )
    func `a path with other methods names them in order`(method: HTTPMethod, path: String, expected: String) {
        #expect(route(method, path) == expected)
    }

    @Test(arguments: ["/api/rooms/%", "/api/rooms/%2", "/api/rooms/%2g", "/api/rooms/a%", "/%zz", "/a/b/c/d/e/f/%"])
    func `a broken escape`(path: String) {
        #expect(route(.get, path) == "400 A '%' is not followed by two hexadecimal digits")
    }

    @Test(arguments: ["/api/rooms/%FF", "/api/rooms/%C3", "/x/%ED%A0%80", "/api/rooms/%C3/%A9"])
    func `an escape for what is no UTF-8`(path: String) {
        #expect(route(.get, path) == "400 Percent-encoded text is not UTF-8")
    }

    @Test func `an escape for NUL`() {
        #expect(route(.get, "/api/rooms/a%00b") == "400 The path has an encoded NUL")
    }

    @Test func `all routes can be listed`() {
        #expect(router.routes.count == 17)
        #expect(router.routes[3].method == .get && router.routes[3].pattern == "/api/rooms/{room_id}")
    }

    @Test func `a parameter is found by its name`() {
        let parameters = PathParameters(names: ["a", "b"], values: ["1", "2"])
        #expect(parameters["b"] == "2")
        #expect(parameters["c"] == nil)
    }

    @Test(arguments: ["/", "/a", "/a/{b}", "/{b}", "/openapi.json", "/a-b_c~d/{e_1}/f"])
    func `a well-formed pattern`(text: String) {
        #expect(RoutePattern(text)?.text == text)
    }

    @Test(
        arguments: [
            "", "a", "/a/", "//", "/a//b", "/{}", "/{a", "/a}", "/a{b}", "/{a}b", "/{a}/{a}", "/{a-b}", "/{a}/{b}/{a}",
            "/a b", "/a%20b", "/\u{E9}", "/a?b", "/{a{b}}",
        ]
    )
    func `a malformed pattern`(text: String) {
        #expect(RoutePattern(text) == nil)
    }

    @Test func `a malformed route stops the program`() async {
        await #expect(processExitsWith: .failure) {
            var router = Router<Int>()
            router.on(.get, "/a/{", 1)
        }
    }

    @Test func `a duplicate route stops the program`() async {
        await #expect(processExitsWith: .failure) {
            var router = Router<Int>()
            router.on(.get, "/a/{b}", 1)
            router.on(.get, "/a/{c}", 2)
        }
    }
}
