import HTTPServer

/// How a `POST` is answered: with the stream itself, or with its id for clients that listen elsewhere.
enum AnswerFormat {
    case eventStream, json

    /// Chooses by the `Accept` fields (RFC 9110, section 12.5.1); without one, the stream.
    ///
    /// - Throws: 406 when the client takes neither.
    init(accept fields: [String]) throws(APIError) {
        let ranges = fields.flatMap { $0.split(separator: ",") }.compactMap(Self.acceptedType)
        if fields.isEmpty || ranges.contains(where: { ["text/event-stream", "text/*", "*/*"].contains($0) }) {
            // JSON named before the wildcard is a preference: HTTP libraries add `*/*` behind what they want.
            let names = ranges.filter { $0 != "*/*" }
            self = names.first == "application/json" ? .json : .eventStream
        } else if ranges.contains(where: { ["application/json", "application/*"].contains($0) }) {
            self = .json
        } else {
            throw APIError(
                .notAcceptable,
                "NOT_ACCEPTABLE",
                "This route answers with text/event-stream, or with application/json"
            )
        }
    }

    /// The media range in lower case, or nil when its weight is 0.
    private static func acceptedType(_ element: Substring) -> String? {
        let parts = element.split(separator: ";").map { $0.trimming { $0 == " " || $0 == "\t" }.lowercased() }
        guard let type = parts.first else { return nil }
        for part in parts.dropFirst() where part.hasPrefix("q=") && Double(part.dropFirst(2)) == 0 { return nil }
        return type
    }
}
