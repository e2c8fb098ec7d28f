import Primitives

/// An answer of the demo agent: the words of its sentences, one a piece, by the clock.
///
/// A piece is a word and the space after it; the last one has no space, so that the pieces together are the text.
final class DemoAnswer: AgentAnswer {
    /// UTF-8, at least one word; each word is followed by one space, the last one too.
    private let text: [UInt8]
    private let tokens: Int
    private let nanosecondsPerToken: Double
    private let timestamps: Bool
    private let clock: any AgentClock

    /// 31 years in nanoseconds: a rate near zero must not overflow the clock.
    private static let longestWait = 1e18

    /// Where in `text` the next word begins.
    private var position = 0
    /// How many pieces were given.
    private var given = 0
    /// When the first piece was given: the others follow a schedule from here, so that a late piece delays no other one.
    private var start: Int64 = 0

    init(text: [UInt8], options: DemoOptions, clock: any AgentClock) {
        precondition(text.last == UInt8(ascii: " "))
        self.text = text
        tokens = options.tokens > 0 ? options.tokens : text.count { $0 == UInt8(ascii: " ") }
        nanosecondsPerToken = options.rate > 0 ? min(1e9 / options.rate, Self.longestWait) : 0
        timestamps = options.timestamps
        self.clock = clock
    }

    func next(appendingTo piece: inout [UInt8]) -> AgentProgress {
        guard given < tokens else { return .ended }
        if nanosecondsPerToken > 0 {
            let now = clock.monotonicNanoseconds
            if given == 0 { start = now }
            if deadline > now { return .waiting(until: deadline) }
        }
        appendPiece(to: &piece)
        return .piece
    }

    var hint: CacheHint { CacheHint(element: position, of: text, lines: 2) }

    var metadata: JSONObject {
        ["model": "demo", "tokens_used": .integer(Int64(given))]
    }

    /// When the next piece is due.
    private var deadline: Int64 {
        start + Int64(min(Double(given) * nanosecondsPerToken, Self.longestWait))
    }

    private func appendPiece(to piece: inout [UInt8]) {
        if timestamps {
            piece.append(ascii: "t=")
            // When it was due: a delay in making it shows as well.
            let time = clock.realTimeNanoseconds(at: nanosecondsPerToken > 0 ? deadline : .max)
            piece.append(decimal: Int(time))
            piece.append(UInt8(ascii: " "))
        }
        var end = position
        while text[end] != UInt8(ascii: " ") { end += 1 }
        given += 1
        piece.append(contentsOf: text[position..<(given == tokens ? end : end + 1)])
        position = end + 1 == text.count ? 0 : end + 1
    }
}
