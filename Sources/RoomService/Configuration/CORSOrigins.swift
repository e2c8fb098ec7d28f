/// The web pages whose scripts may call the service: `CORS_ORIGINS`.
enum CORSOrigins: Sendable, Equatable {
    case any
    /// Serialized origins (RFC 6454, section 6.2), as browsers send them: `https://chat.example.org`. Empty: none.
    case list([String])

    /// `*`, `none`, or origins with commas between them. Nil for anything else.
    init?(_ text: String) {
        switch text {
        case "*": self = .any
        case "none": self = .list([])
        default:
            let origins = text.split(separator: ",", omittingEmptySubsequences: false).map { $0.trimmingSpaces }
            guard origins.allSatisfy(Self.isOrigin) else { return nil }
            self = .list(origins.map { $0.lowercased() })
        }
    }

    /// A scheme and an authority, without path or slash at the end: with them, no browser's `Origin` would ever match.
    private static func isOrigin(_ text: some StringProtocol) -> Bool {
        guard let scheme = ["https://", "http://"].first(where: { text.lowercased().hasPrefix($0) }) else {
            return false
        }
        let authority = text.utf8.dropFirst(scheme.utf8.count)
        return !authority.isEmpty
            && authority.allSatisfy { byte in
                byte > 0x20 && byte < 0x7F && !"/?#*@\\,\"".utf8.contains(byte)
            }
    }
}

extension CORSOrigins: CustomStringConvertible {
    var description: String {
        switch self {
        case .any: "*"
        case .list(let origins): origins.isEmpty ? "none" : origins.joined(separator: ",")
        }
    }
}
