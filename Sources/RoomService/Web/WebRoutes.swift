import HTTPServer

/// The chat page, and the files that the pages use.
struct WebRoutes: RouteGroup {
    private let files: StaticFiles
    /// The chat page, where its file is there.
    let page: WebPage?
    /// What browsers get for an address that is none, where its file is there.
    let notFoundPage: WebPage?

    init(_ files: StaticFiles) {
        self.files = files
        page = files["page", "index.html"].map { WebPage($0, policy: WebPage.chatPolicy) }
        notFoundPage = files["page", "not-found.html"].map { WebPage($0, policy: WebPage.chatPolicy) }
    }

    func add(to router: inout Router<RouteHandler>) {
        router.on(
            .get,
            "/app",
            .immediate { [page] request throws(APIError) in
                guard let page else { throw .notFound(Self.missing) }
                return page.response(to: request.http.head)
            }
        )
        // Where browsers look for the icon of what is no page, as JSON.
        router.on(
            .get,
            "/favicon.ico",
            .immediate { [files] request throws(APIError) in
                guard let icon = files["page", "icon.svg"] else { throw .notFound(Self.missing) }
                return icon.response(to: request.http.head)
            }
        )
        router.on(
            .get,
            "/assets/{bundle}/{file}",
            .immediate { [files] request throws(APIError) in
                guard let file = files[request.path("bundle"), request.path("file")] else {
                    throw .notFound("Not Found")
                }
                return file.response(to: request.http.head)
            }
        )
    }

    static let missing = """
        The page's files are not there: RoomService_WebResources.resources must lie beside the program, where the build puts it
        """
}
