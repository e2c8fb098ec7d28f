/// A request target in origin, absolute or asterisk form (RFC 9112, section 3.2).
struct HTTPRequestTarget {
    /// With a leading `/`, percent-encoded as it came; or `*`.
    let path: String
    /// What follows the first `?`, as it came.
    let query: String
    /// Of a target in absolute form: the host and port, which come before those of the `Host` field.
    let authority: Range<Int>?

    /// Reads `target`, whose characters the parser has checked.
    init(_ target: ArraySlice<UInt8>, isOptions: Bool) throws(HTTPParseError) {
        var path = target
        var authority: Range<Int>?
        if target.first != UInt8(ascii: "/") {
            if isOptions, target.elementsEqual([UInt8(ascii: "*")]) {
                self.path = "*"
                query = ""
                self.authority = nil
                return
            }
            let host = try Self.authority(of: target)
            path = target[host.upperBound...]
            authority = host
        }
        let queryMark = path.firstIndex(of: UInt8(ascii: "?")) ?? path.endIndex
        // `http://host` and `http://host?query` have an empty path, which means `/`.
        self.path = queryMark == path.startIndex ? "/" : String(decoding: path[..<queryMark], as: UTF8.self)
        query = queryMark == path.endIndex ? "" : String(decoding: path[(queryMark + 1)...], as: UTF8.self)
        self.authority = authority
    }

    /// Where the authority lies in a target in absolute form (RFC 9112, section 3.2.2).
    private static func authority(of target: ArraySlice<UInt8>) throws(HTTPParseError) -> Range<Int> {
        let scheme = target.prefix(8).map(lowercased)
        let start: Int
        if scheme.starts(with: "http://".utf8) {
            start = target.startIndex + 7
        } else if scheme.starts(with: "https://".utf8) {
            start = target.startIndex + 8
        } else {
            throw HTTPParseError(.badRequest, "The request target is neither a path nor an http URI")
        }
        let rest = target[start...]
        let end = rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
        guard isHostAndPort(target[start..<end]) else {
            throw HTTPParseError(.badRequest, "The request target's host is invalid")
        }
        return start..<end
    }
}
