import Testing

@testable import HTTPServer

/// A text that must be refused, with which status and for which reason.
struct Refusal: Sendable, CustomTestStringConvertible {
    static let noLineFeed = "A carriage return without a line feed"

    var text: String
    var status: Int
    var reason: String

    init(_ text: String, _ status: Int, _ reason: String) {
        self.text = text
        self.status = status
        self.reason = reason
    }

    var testDescription: String { text.debugDescription }

    /// Has the parser refuse a request that has the text in it, wherever what comes is split.
    func check(in request: String, sourceLocation: SourceLocation = #_sourceLocation) -> ParserOutcome {
        let outcome = ParserOutcome.atEverySplit(request, sourceLocation: sourceLocation)
        #expect(outcome.error == HTTPParseError(HTTPStatus(status), reason), sourceLocation: sourceLocation)
        return outcome
    }
}
