import TestSupport

/// Random JSON texts with all the freedom that the grammar gives: white space, escapes, forms of numbers.
struct RandomJSON {
    private var generator: SeededGenerator

    init(seed: UInt64) {
        generator = SeededGenerator(seed: seed)
    }

    mutating func text() -> String {
        space() + value(depth: 0) + space()
    }

    /// A text with one to three bytes changed, removed, doubled or inserted.
    mutating func spoiltText() -> [UInt8] {
        var bytes = Array(text().utf8)
        let marks = Array("{}[]:,\"\\0123456789.eE+-tfn \n\u{1}x".utf8)
        bytes.spoil(marks, using: &generator)
        return bytes
    }

    private mutating func space() -> String {
        ["", "", "", " ", "\n", "\t", "\r\n", "  "].randomElement(using: &generator)!
    }

    private mutating func value(depth: Int) -> String {
        switch Int.random(in: 0..<(depth < 4 ? 9 : 6), using: &generator) {
        case 0: return ["null", "true", "false"].randomElement(using: &generator)!
        case 1, 2: return number()
        case 3, 4, 5: return string()
        case 6, 7:
            let elements = (0..<Int.random(in: 0...5, using: &generator)).map { _ in
                space() + value(depth: depth + 1) + space()
            }
            return "[" + (elements.isEmpty ? space() : elements.joined(separator: ",")) + "]"
        default:
            let count = [0, 1, 3, 20].randomElement(using: &generator)!
            // Numbered, as readers may differ in what a key that comes twice means.
            let members = (0..<count).map { index in
                space() + "\"k\(index)" + string().dropFirst() + space() + ":" + space() + value(depth: depth + 1)
                    + space()
            }
            return "{" + (members.isEmpty ? space() : members.joined(separator: ",")) + "}"
        }
    }

    private mutating func number() -> String {
        let sign = Bool.random(using: &generator) ? "-" : ""
        let whole = Int64.random(in: 0...Int64.max, using: &generator) >> Int64.random(in: 0...62, using: &generator)
        let fraction = "." + String(Int.random(in: 0...999_999, using: &generator))
        let exponent =
            ["e", "E", "e+", "e-", "E-"].randomElement(using: &generator)!
            + String(Int.random(in: 0...20, using: &generator))
        switch Int.random(in: 0..<4, using: &generator) {
        case 0, 1: return whole == 0 ? "0" : sign + String(whole)
        case 2: return sign + String(whole) + fraction
        default: return sign + String(whole) + fraction + exponent
        }
    }

    private mutating func string() -> String {
        let pieces = (0..<Int.random(in: 0...12, using: &generator)).map { _ in
            switch Int.random(in: 0..<8, using: &generator) {
            case 0: return ["\\\"", "\\\\", "\\/", "\\b", "\\f", "\\n", "\\r", "\\t"].randomElement(using: &generator)!
            case 1:
                return ["\\u0041", "\\u00E9", "\\u20ac", "\\ud83D\\uDE00", "\\u001f"].randomElement(using: &generator)!
            case 2:
                return ["\u{E9}", "\u{20AC}", "\u{1F600}", "\u{7F}", "\u{2028}", "e\u{301}"].randomElement(
                    using: &generator
                )!
            default: return ["a", "word ", "{", "]", ":", ",", "0", "eight by"].randomElement(using: &generator)!
            }
        }
        return "\"" + pieces.joined() + "\""
    }
}
