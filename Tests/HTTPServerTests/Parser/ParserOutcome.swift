import Testing

@testable import HTTPServer

/// All that a parser made of some bytes, in a form that can be compared.
struct ParserOutcome: Equatable {
    struct Request: Equatable {
        var method: HTTPMethod
        var path: String
        var query: String
        var minorVersion: Int
        /// Each as `name: value`.
        var fields: [String]
        var framing: HTTPRequestHead.Framing
        var keepsAlive: Bool
        var expectsContinue: Bool
        var body = ""
        var isComplete = false

        init(_ head: HTTPRequestHead) {
            method = head.method
            path = head.path
            query = head.query
            minorVersion = head.minorVersion
            fields = head.headers.all.map { "\($0.name): \($0.value)" }
            framing = head.framing
            keepsAlive = head.keepsAlive
            expectsContinue = head.expectsContinue
        }
    }

    var requests: [Request] = []
    var error: HTTPParseError?
    var isIdle = true
    /// Of an error: the path and the number of fields that its response may look at.
    var refused: String?

    /// Feeds a new parser with `bytes`, cut at the offsets `cuts`, which are in ascending order.
    init(_ bytes: [UInt8], cuts: [Int] = [], limits: HTTPLimits = HTTPLimits()) {
        var parser = HTTPRequestParser(limits: limits)
        var start = 0
        do throws(HTTPParseError) {
            for end in cuts + [bytes.count] {
                try feed(&parser, Array(bytes[start..<end]))
                start = end
            }
        } catch {
            self.error = error
            refused = parser.refusedHead.map { "\($0.path) \($0.headers.count)" }
        }
        isIdle = parser.isIdle
    }

    private mutating func feed(_ parser: inout HTTPRequestParser, _ piece: [UInt8]) throws(HTTPParseError) {
        var offset = 0
        while true {
            let start = offset
            switch try parser.next(piece.span, from: &offset) {
            case .needsMore:
                #expect(offset == piece.count)
                return
            case .head(let head):
                requests.append(Request(head))
            case .body(let range):
                #expect(range.lowerBound >= start && range.upperBound == offset && !range.isEmpty)
                requests[requests.count - 1].body += String(decoding: piece[range], as: UTF8.self)
            case .end:
                requests[requests.count - 1].isComplete = true
            }
        }
    }

    /// The outcome of the whole text, after checking that it is the same byte by byte and at every split in two.
    static func atEverySplit(
        _ text: String,
        limits: HTTPLimits = HTTPLimits(),
        sourceLocation: SourceLocation = #_sourceLocation
    ) -> ParserOutcome {
        atEverySplit(Array(text.utf8), limits: limits, sourceLocation: sourceLocation)
    }

    static func atEverySplit(
        _ bytes: [UInt8],
        limits: HTTPLimits = HTTPLimits(),
        sourceLocation: SourceLocation = #_sourceLocation
    ) -> ParserOutcome {
        let whole = ParserOutcome(bytes, limits: limits)
        let cuts = bytes.isEmpty ? [] : Array(1..<bytes.count)
        #expect(ParserOutcome(bytes, cuts: cuts, limits: limits) == whole, sourceLocation: sourceLocation)
        for cut in cuts {
            let outcome = ParserOutcome(bytes, cuts: [cut], limits: limits)
            #expect(outcome == whole, "cut at \(cut)", sourceLocation: sourceLocation)
        }
        return whole
    }
}
