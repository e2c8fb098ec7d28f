import HTTPServer
import Primitives

extension WebRoutes {
    var operations: [Operation] {
        [
            WebPage.operation("/app", "showPage", "The chat page", missing: Self.missing),
            Operation(
                .get,
                "/favicon.ico",
                "getIcon",
                .service,
                "The icon of the pages",
                parameters: [StaticFile.validator],
                responses: [
                    .init(
                        status: .ok,
                        description: "The icon",
                        contents: [
                            .init(
                                type: "image/svg+xml",
                                schema: Schema.string,
                                examples: [
                                    .init("icon", "The icon", "<svg xmlns=\"http://www.w3.org/2000/svg\">…</svg>")
                                ]
                            )
                        ],
                        headers: StaticFile.fields
                    ),
                    StaticFile.notModified,
                ],
                errors: [.notFound(Self.missing)]
            ),
            Operation(
                .get,
                "/assets/{bundle}/{file}",
                "getAsset",
                .service,
                "A file of a page",
                parameters: [
                    .path("bundle", "`page`, or a library's name", example: "page"),
                    .path("file", "The file's name", example: "app.js"),
                    StaticFile.validator,
                ],
                responses: [
                    .init(
                        status: .ok,
                        description: "The file",
                        contents: StaticFile.mediaTypes.map { type in
                            let examples: [Operation.Example] =
                                type == "text/javascript" ? [.init("answer", "A script", "export {};\n")] : []
                            return .init(
                                type: type,
                                schema: type.hasPrefix("text/") ? Schema.string : [:],
                                examples: examples
                            )
                        },
                        headers: StaticFile.fields
                    ),
                    StaticFile.notModified,
                ],
                errors: [.notFound("Not Found")]
            ),
        ]
    }
}

extension WebPage {
    /// - Parameter missing: what is said where the page's files are not there.
    static func operation(_ path: String, _ id: String, _ summary: String, missing: String) -> Operation {
        Operation(
            .get,
            path,
            id,
            .service,
            summary,
            parameters: [StaticFile.validator],
            responses: [
                .init(
                    status: .ok,
                    description: "The page",
                    contents: [htmlContent],
                    headers: StaticFile.fields + [Field("Content-Security-Policy", Schema.string)]
                ),
                StaticFile.notModified,
            ],
            errors: [.notFound(missing)]
        )
    }

    static let htmlContent = Operation.Content(
        type: "text/html",
        schema: Schema.string,
        examples: [.init("page", "The page", "<!doctype html>…")]
    )
}

extension StaticFile {
    static let validator = Operation.Parameter.header(
        "If-None-Match",
        Schema.string,
        "The `ETag` of what the client has"
    )

    static let fields = [
        Field("ETag", Schema.string),
        Field("Cache-Control", Schema.constant("no-cache")),
        Field("X-Content-Type-Options", Schema.constant("nosniff")),
    ]

    static let notModified = Operation.Response(
        status: .notModified,
        description: "The client has it",
        headers: fields
    )
}
