/// The body of an error, to compare whole.
enum FailureEnvelope {
    /// The header of requests whose errors are compared.
    static let requestID = [("X-Request-ID", "test.1")]
}

/// The failure envelope at the time at which a test's clock starts, of a request with `FailureEnvelope.requestID`.
func envelope(_ error: String, _ code: String, _ path: String, data: String = "") -> String {
    #"{"success":false,"error":"\#(error)","error_code":"\#(code)","path":"\#(path)","#
        + #""timestamp":"2026-01-01T00:00:00.000Z","request_id":"test.1","detail":"\#(error)"\#(data)}"#
}
