/// Why a request cannot be understood, and the status that says so. The connection is closed after it:
/// where one message ends is no longer certain.
package struct HTTPParseError: Error, Equatable {
    package var status: HTTPStatus
    /// What was wrong, in words for the client.
    package var reason: String

    package init(_ status: HTTPStatus, _ reason: String) {
        self.status = status
        self.reason = reason
    }
}
