import HTTPServer

/// A service that answers as the test says, and errors in words.
struct ScriptedService: HTTPService {
    let answers: @Sendable (HTTPRequest) -> HTTPAnswer

    func answer(_ request: HTTPRequest) -> HTTPAnswer { answers(request) }

    func response(to error: HTTPParseError, head: HTTPRequestHead?) -> HTTPResponse {
        HTTPResponse(status: error.status, body: .bytes(Array(error.reason.utf8)))
    }

    /// Says at once what it was asked.
    static let echo = ScriptedService { .now(.echo(of: $0)) }
}

extension HTTPResponse {
    /// Method, path and body of the request.
    static func echo(of request: HTTPRequest) -> HTTPResponse {
        text("\(request.head.method.name) \(request.head.path) \(String(decoding: request.body, as: UTF8.self))")
    }

    static func text(_ text: String) -> HTTPResponse {
        HTTPResponse(body: .bytes(Array(text.utf8)))
    }
}
