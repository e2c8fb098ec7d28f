import HTTPServer

/// How a `POST` is answered: with the stream itself, or with its id for clients that listen elsewhere.
enum AnswerFormat {
    case eventStream, json

    /// Chooses by the `Accept` fields (RFC 9110, section 12.5.1): the format of more weight, and of two that are equal the
    /// stream, as libraries name JSON beside `*/*` without being asked to.
    ///
    /// - Throws: 406 when the client takes neither.
    init(accept fields: [String]) throws(APIError) {
        let ranges = MediaRange.ranges(in: fields)
        let stream = MediaRange.weight(of: "text/event-stream", in: ranges)
        let json = MediaRange.weight(of: "application/json", in: ranges)
        if json > stream {
            self = .json
        } else if stream > 0 {
            self = .eventStream
        } else {
            throw .notAcceptable
        }
    }
}
