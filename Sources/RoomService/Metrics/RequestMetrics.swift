import HTTPServer
import Metrics

/// Counts requests by route and status. Whatever clients ask for makes no route, and no status, that is not known here.
final class RequestMetrics: MetricSource {
    /// What a request is counted as.
    struct Row: Sendable {
        fileprivate var index: Int
    }

    /// Where no route was found.
    private static let unmatched = "unmatched"
    private static let methods: [HTTPMethod] = [.get, .head, .post, .put, .patch, .delete, .options]
    private static let statuses = [
        200, 201, 202, 204, 206, 304, 400, 401, 403, 404, 405, 406, 408, 409, 411, 412, 413, 414, 415, 416, 417, 422,
        429,
        431, 500, 501, 502, 503, 504, 505,
    ]

    private let rows: [(method: String, route: String)]
    private let routeCount: Int
    private let durations: HistogramGrid
    /// By status from 100 on, the column.
    private let columns: [Int]
    private let malformed = CounterFamily("status", statuses.filter { $0 >= 400 }.map(String.init))

    /// - Parameter routes: those of the router, in its order.
    init(routes: [(method: HTTPMethod, pattern: String)]) {
        routeCount = routes.count
        rows =
            routes.map { ($0.method.name, $0.pattern) }
            + (Self.methods.map(\.name) + [CounterFamily.other]).map { ($0, Self.unmatched) }
        var columns = Array(repeating: Self.statuses.count, count: 500)
        for (column, status) in Self.statuses.enumerated() { columns[status - 100] = column }
        self.columns = columns
        durations = HistogramGrid(rows: rows.count, columns: Self.statuses.count + 1, .requests)
    }

    /// The row of a request: that of its route, where it has one. A `HEAD` that a `GET` answers counts as one.
    func row<Handler>(_ match: Router<Handler>.Match, _ method: HTTPMethod) -> Row {
        if case .found(_, _, _, let index) = match { return Row(index: index) }
        return Row(index: routeCount + (Self.methods.firstIndex(of: method) ?? Self.methods.count))
    }

    /// A request has been answered, or its streamed answer has begun.
    ///
    /// - Parameter nanoseconds: since it was read.
    func didAnswer(_ row: Row, status: Int, nanoseconds: Int64) {
        let column = columns.indices.contains(status - 100) ? columns[status - 100] : Self.statuses.count
        durations.observe(row: row.index, column: column, nanoseconds: nanoseconds)
    }

    /// A request could not be read.
    func didRefuse(status: Int) { malformed.add(String(status)) }

    func add(to exposition: inout Exposition) {
        let histograms = durations.snapshots.map { row, column, snapshot in
            let status = column < Self.statuses.count ? String(Self.statuses[column]) : CounterFamily.other
            let labels = [("method", rows[row].method), ("route", rows[row].route), ("status", status)]
            return (labels: labels as Exposition.Labels, snapshot: snapshot)
        }
        exposition.add(
            "roomservice_http_requests_total",
            .counter,
            "Requests answered, by route and status",
            histograms.map { (labels: $0.labels, value: $0.snapshot.count) }
        )
        exposition.add(
            "roomservice_http_request_duration_seconds",
            "Time from a request read to its answer made; of a streamed answer, to its beginning",
            histograms
        )
        exposition.add(
            "roomservice_http_malformed_requests_total",
            "Requests that could not be read, by the status of the refusal",
            malformed
        )
    }
}
