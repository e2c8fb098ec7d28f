import HTTPServer
import Primitives

/// A request as a route sees it: with its path's parameters, and its query and body ready to be read.
struct APIRequest: Sendable {
    let http: HTTPRequest
    let pathParameters: PathParameters
    /// Where handlers note what the request is about.
    let log: RequestLog

    /// The caller's own id, where it sent a sane one, else one that was made for it.
    var id: String { log.origin.id }
    var loop: EventLoop { http.loop }
    var headers: HTTPHeaders { http.head.headers }

    /// A parameter that the route's pattern names.
    func path(_ name: String) -> String {
        guard let value = pathParameters[name] else { preconditionFailure("No parameter \(name) in the route") }
        return value
    }

    func query() throws(APIError) -> QueryReader {
        do throws(PercentEncodingError) {
            let parameters = try QueryParameters(http.head.query).parameters
            return QueryReader(parameters.map { (name: $0.name, value: $0.value) })
        } catch {
            throw .badRequest("The query string is malformed: \(error.reason)")
        }
    }

    /// The JSON body, or nil where there is none.
    func json() throws(APIError) -> JSONValue? {
        guard !http.body.isEmpty else { return nil }
        if let type = headers["content-type"], !Self.isJSON(type) {
            throw .unsupportedMediaType
        }
        do throws(JSONError) {
            return try JSONParser.parse(http.body)
        } catch {
            throw .badRequest("The body is no valid JSON: \(error)")
        }
    }

    private static func isJSON(_ contentType: String) -> Bool {
        let type = contentType.prefix { $0 != ";" }.trimming { $0 == " " }.lowercased()
        return type == "application/json" || (type.hasPrefix("application/") && type.hasSuffix("+json"))
    }
}
