/// What a server serves: called on the loop of the connection, once a request.
package protocol HTTPService: Sendable {
    func answer(_ request: HTTPRequest) -> HTTPAnswer

    /// What is said about a request that could not be understood, or did not come in time, before the connection is closed.
    /// `head` is what was understood of it, if that much was.
    func response(to error: HTTPParseError, head: HTTPRequestHead?) -> HTTPResponse
}

/// An answer that is there at once, or one that takes a while.
package enum HTTPAnswer {
    case now(HTTPResponse)
    /// Run as a task on the loop of the connection. A client that leaves does not cancel it.
    case later(@Sendable () async -> HTTPResponse)
}
