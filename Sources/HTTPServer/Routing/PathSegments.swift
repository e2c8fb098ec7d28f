/// A request path cut at its slashes, with escapes decoded.
struct PathSegments {
    private let bytes: [UInt8]
    private var ranges: [Range<Int>] = []

    /// Nil when the path has no leading slash, as `*`, or more than `limit` segments. One slash at the end counts for
    /// nothing.
    init?(_ path: String, limit: Int) throws(PercentEncodingError) {
        let text = Array(path.utf8)
        guard text.first == UInt8(ascii: "/") else { return nil }
        if !text.contains(UInt8(ascii: "%")) {
            bytes = text
            guard let cut = Self.cut(text, limit: limit) else { return nil }
            ranges = cut
            return
        }
        // Cut first and decode then, lest an encoded slash become a separator.
        let cut = Self.cut(text, limit: limit)
        var decoded: [UInt8] = []
        for range in cut ?? [1..<text.count] {
            let start = decoded.count
            let segment = try PercentEncoding.decode(text[range], plusIsSpace: false)
            guard !segment.contains(0) else { throw PercentEncodingError("The path has an encoded NUL") }
            _ = try PercentEncoding.string(segment)
            decoded += segment
            ranges.append(start..<decoded.count)
        }
        guard cut != nil else { return nil }
        bytes = decoded
    }

    var count: Int { ranges.count }

    func isEmpty(_ index: Int) -> Bool { ranges[index].isEmpty }

    func equals(_ index: Int, _ text: [UInt8]) -> Bool {
        ranges[index].count == text.count && bytes[ranges[index]].elementsEqual(text)
    }

    func text(_ index: Int) -> String {
        String(decoding: bytes[ranges[index]], as: UTF8.self)
    }

    private static func cut(_ text: [UInt8], limit: Int) -> [Range<Int>]? {
        var ranges: [Range<Int>] = []
        ranges.reserveCapacity(limit)
        var start = 1
        let end = text.count > 1 && text.last == UInt8(ascii: "/") ? text.count - 1 : text.count
        for index in 1..<max(1, end) where text[index] == UInt8(ascii: "/") {
            ranges.append(start..<index)
            start = index + 1
            if ranges.count > limit { return nil }
        }
        if end > 1 { ranges.append(start..<end) }
        return ranges.count > limit ? nil : ranges
    }
}
