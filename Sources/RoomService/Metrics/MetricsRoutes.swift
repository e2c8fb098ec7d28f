import HTTPServer
import Metrics

/// `/metrics`: what Prometheus reads.
struct MetricsRoutes: RouteGroup {
    private let sources: [any MetricSource]

    /// - Parameters:
    ///   - own: what tells of itself.
    ///   - cluster: the other instances, where there may be some.
    init(_ own: [any MetricSource], _ process: ProcessSource, _ streams: StreamSource, cluster: Cluster?) {
        sources = own + [process, streams] + (cluster.map { [ClusterSource(cluster: $0)] } ?? [])
    }

    private static let fields = [HTTPField("Content-Type", Exposition.contentType)]
    /// About as much as there is, in bytes.
    private static let usualSize = 65_536

    static let route: (method: HTTPMethod, pattern: String) = (.get, "/metrics")

    func add(to router: inout Router<RouteHandler>) {
        router.on(Self.route.method, Self.route.pattern, .immediate(metrics))
    }

    private func metrics(_ request: APIRequest) throws(APIError) -> HTTPResponse {
        var exposition = Exposition(capacity: Self.usualSize)
        for source in sources { source.add(to: &exposition) }
        return HTTPResponse(headers: Self.fields, body: .bytes(exposition.bytes))
    }
}
