/// An element of `Accept`, as `text/*;q=0.5`.
struct MediaRange {
    /// In lower case, without parameters.
    let type: String
    /// From 0, not acceptable, to 1.
    let weight: Double

    /// Nil for an empty element, which counts for nothing.
    init?(_ element: Substring) {
        let parts = element.split(separator: ";").map { $0.trimming { $0 == " " || $0 == "\t" }.lowercased() }
        guard let type = parts.first, !type.isEmpty else { return nil }
        self.type = type
        let weight = parts.dropFirst().first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) }
        self.weight = weight.map { (0...1).contains($0) ? $0 : 1 } ?? 1
    }

    /// The elements of `Accept` fields (RFC 9110, section 12.5.1).
    static func ranges(in fields: [String]) -> [MediaRange] {
        fields.flatMap { $0.split(separator: ",") }.compactMap(MediaRange.init)
    }

    /// What the most specific range says about `type`; without any range, every type is welcome.
    static func weight(of type: String, in ranges: [MediaRange]) -> Double {
        guard !ranges.isEmpty else { return 1 }
        let family = type.prefix { $0 != "/" } + "/*"
        for name in [type, String(family), "*/*"] {
            if let weight = ranges.filter({ $0.type == name }).map(\.weight).max() { return weight }
        }
        return 0
    }
}
