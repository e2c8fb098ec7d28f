import HTTPServer
import Primitives

/// `/openapi.json`: what the API is, for programs; `/docs` and `/redoc`: pages that show it.
struct DocumentationRoutes: RouteGroup {
    private let document: StaticFile
    private let pages: [(path: String, page: WebPage?)]

    /// - Parameters:
    ///   - operations: those of all other routes.
    ///   - limits: what the server takes.
    ///   - files: where the pages and their libraries are.
    init(_ operations: [Operation], limits: HTTPLimits, files: StaticFiles) {
        let json = APIDocument(operations + Self.operations, limits: limits, schemas: DocumentSchemas.all).json
        document = StaticFile(name: "openapi.json", bytes: JSONValue.object(json).encoded)
        pages = [("/docs", "swagger-ui"), ("/redoc", "redoc")].map { path, library in
            let file = files.has(library) ? files["docs", "\(library).html"] : nil
            return (path, file.map { WebPage($0, policy: Self.policy) })
        }
    }

    /// What the pages may do: run, load and call what comes from this service, and nothing else.
    ///
    /// Both libraries write their styles while they run, into `style` elements and attributes: without `unsafe-inline` for
    /// those, they show nothing of use. ReDoc searches in a worker that it makes of a `blob:`.
    private static let policy = [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]

    func add(to router: inout Router<RouteHandler>) {
        router.on(
            .get,
            "/openapi.json",
            .immediate { [document] request throws(APIError) in document.response(to: request.http.head) }
        )
        for (path, page) in pages {
            router.on(
                .get,
                path,
                .immediate { request throws(APIError) in
                    guard let page else { throw .notFound(Self.missing) }
                    return page.response(to: request.http.head)
                }
            )
        }
    }

    private static let missing = """
        The page's library is not there: scripts/run fetches it, and the build puts it beside the program. /openapi.json is there
        """

    var operations: [Operation] { Self.operations }

    private static let operations = [
        Operation(
            .get,
            "/openapi.json",
            "getOpenAPI",
            .service,
            "This description, as OpenAPI 3.1",
            parameters: [StaticFile.validator],
            responses: [
                .json(
                    "The description",
                    Schema.object([
                        Field("openapi", Schema.string(matching: "^3\\.1\\.")),
                        Field("info", Schema.anyObject), Field("paths", Schema.anyObject),
                        Field("components", Schema.anyObject),
                    ]),
                    example: ["openapi": "3.1.0", "info": [:], "paths": [:], "components": [:]],
                    headers: StaticFile.fields
                ),
                StaticFile.notModified,
            ]
        ),
        WebPage.operation("/docs", "showDocs", "This description in Swagger UI", missing: missing),
        WebPage.operation("/redoc", "showReDoc", "This description in ReDoc", missing: missing),
    ]
}
