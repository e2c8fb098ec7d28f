import HTTPServer
import Primitives

/// `/openapi.json`: what the API is, for programs and for the pages that show it.
struct DocumentationRoutes: RouteGroup {
    private let document: [UInt8]

    /// - Parameters:
    ///   - operations: those of all other routes.
    ///   - limits: what the server takes.
    init(_ operations: [Operation], limits: HTTPLimits) {
        let all = operations + Self.operations
        document = JSONValue.object(APIDocument(all, limits: limits, schemas: DocumentSchemas.all).json).encoded
    }

    func add(to router: inout Router<RouteHandler>) {
        router.on(.get, "/openapi.json", .immediate(openAPI))
    }

    private func openAPI(_ request: APIRequest) throws(APIError) -> HTTPResponse {
        Envelope.json(document)
    }

    var operations: [Operation] { Self.operations }

    private static let operations = [
        Operation(
            .get,
            "/openapi.json",
            "getOpenAPI",
            .service,
            "This description, as OpenAPI 3.1",
            responses: [
                .json(
                    "The description",
                    Schema.object([
                        Field("openapi", Schema.string(matching: "^3\\.1\\.")),
                        Field("info", Schema.anyObject), Field("paths", Schema.anyObject),
                        Field("components", Schema.anyObject),
                    ]),
                    example: ["openapi": "3.1.0", "info": [:], "paths": [:], "components": [:]]
                )
            ]
        )
    ]
}
