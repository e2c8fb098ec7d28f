import Primitives

/// Where a service is, and how it is asked.
package struct UpstreamEndpoint: Sendable, Hashable {
    /// `https://api.example.org/v1`: what comes before `/chat/completions`. It may hold credentials.
    package let baseURL: String
    /// Sent as a bearer token (RFC 6750); empty: none.
    package let key: String
    /// A file of certificate authorities to trust instead of the system's.
    package let authorities: String?

    /// Why a text is no such address.
    package struct Fault: Error, CustomStringConvertible {
        package var description: String
    }

    /// - Parameters:
    ///   - baseURL: a slash at its end counts for nothing.
    ///   - key: must be one (`isKey`).
    package init(baseURL: String, key: String = "", authorities: String? = nil) throws(Fault) {
        let scheme = baseURL.hasPrefix("https://") ? 8 : baseURL.hasPrefix("http://") ? 7 : 0
        guard scheme > 0 else { throw Fault(description: "must begin with https:// or http://") }
        guard baseURL.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw Fault(description: "must have neither spaces nor characters beyond ASCII")
        }
        guard !baseURL.contains("?"), !baseURL.contains("#") else {
            throw Fault(description: "must have neither '?' nor '#'")
        }
        var url = baseURL
        while url.hasSuffix("/") { url.removeLast() }
        guard !url.hasSuffix("/chat/completions") else {
            throw Fault(description: "must end before /chat/completions, which is added to it")
        }
        let authority = url.dropFirst(scheme).prefix { $0 != "/" }
        let host = authority[(authority.lastIndex(of: "@").map(authority.index(after:)) ?? authority.startIndex)...]
        guard !host.isEmpty, host.first != ":" else { throw Fault(description: "must name a host") }
        precondition(Self.isKey(key), "A key goes into a header field")
        self.baseURL = url
        self.key = key
        self.authorities = authorities
    }

    /// Whether a key can be sent: without spaces, control characters, and characters beyond ASCII.
    package static func isKey(_ key: String) -> Bool {
        key.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }

    /// The address without credentials.
    package var shownURL: String {
        guard let slashes = baseURL.firstRange(of: "://") else { return "" }
        let rest = baseURL[slashes.upperBound...]
        let authority = rest.prefix { $0 != "/" }
        // A "/" in a password ends what would be the authority (RFC 3986, section 3.2): what looks like a port is none then.
        let port = authority.lastIndex(of: ":").map { authority[authority.index(after: $0)...] } ?? ""
        let isCut = !authority.contains("@") && !authority.hasSuffix("]") && !port.allSatisfy(\.isNumber)
        guard let at = (isCut ? rest : authority).lastIndex(of: "@") else { return baseURL }
        return String(baseURL[..<slashes.upperBound] + rest[rest.index(after: at)...])
    }

    /// `text` without what nobody may see, and not longer than a line of a log should be.
    func redacted(_ text: String) -> String {
        // Byte by byte: a mark that combines with a secret's last letter would hide it from a search for characters.
        var bytes = Array(text.utf8)
        for secret in secrets { bytes = Self.replacing(secret, in: bytes) }
        return String(String(decoding: bytes, as: UTF8.self).prefix(Self.shownLength))
    }

    private static let shownLength = 300

    private static func replacing(_ secret: [UInt8], in bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var rest = bytes[...]
        while let first = rest.first {
            if rest.starts(with: secret) {
                result.append(contentsOf: "…".utf8)
                rest = rest.dropFirst(secret.count)
            } else {
                result.append(first)
                rest = rest.dropFirst()
            }
        }
        return result
    }

    private var secrets: [[UInt8]] {
        var secrets = [Array(key.utf8)]
        if let slashes = baseURL.firstRange(of: "://") {
            let authority = baseURL[slashes.upperBound...].prefix { $0 != "/" }
            if let at = authority.lastIndex(of: "@") {
                for part in authority[..<at].split(separator: ":", maxSplits: 1) {
                    secrets += [Array(part.utf8), Self.decoded(part)]
                }
            }
        }
        // The longest first: what is left of one that holds another is a secret, too.
        return secrets.filter { $0.count >= Self.shortestSecret }.sorted { $0.count > $1.count }
    }

    /// What is shorter would be found in words that have nothing to do with it.
    private static let shortestSecret = 4

    /// As it is sent: without percent-encoding.
    private static func decoded(_ text: Substring) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2, let high = hexadecimalDigit(rest[rest.startIndex]),
                let low = hexadecimalDigit(rest[rest.startIndex + 1])
            {
                bytes.append(high << 4 | low)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return bytes
    }
}
