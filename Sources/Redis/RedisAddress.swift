import HTTPServer

/// Where a Redis is, and as whom one speaks to it.
package struct RedisAddress: Sendable, Equatable, CustomStringConvertible {
    package enum Place: Sendable, Equatable {
        /// `host` is a name or a numeric address, without brackets.
        case tcp(host: String, port: Int)
        case unix(path: String)
    }

    /// Why a text is no address. Its words hold nothing of a password.
    package struct Fault: Error, Equatable, CustomStringConvertible {
        package var description: String
    }

    package var place: Place
    /// Nil: Redis's default user.
    package var user: String?
    package var password: String?
    package var database = 0

    package static let defaultPort = 6379

    package init(host: String, port: Int = Self.defaultPort) {
        place = .tcp(host: host, port: port)
    }

    /// Reads `redis://[[user]:password@]host[:port][/database]` or `unix:///path[?db=database]`. User and password may have
    /// percent-encoded characters.
    ///
    /// - Parameter password: is used instead of that in `text`.
    package init(_ text: String, password: String? = nil) throws(Fault) {
        guard let colon = text.firstRange(of: "://") else {
            throw Fault(description: "is no address of the form redis://[user:password@]host[:port][/database]")
        }
        let rest = text[colon.upperBound...]
        switch text[..<colon.lowerBound].lowercased() {
        case "redis": try self.init(tcp: rest)
        case "unix": try self.init(unix: rest)
        case "rediss":
            throw Fault(
                description: "asks for TLS (rediss://), which is not supported: use redis://, or a tunnel on this host"
            )
        default: throw Fault(description: "must begin with redis:// or unix://")
        }
        if let password { self.password = password }
        if user != nil, self.password == nil {
            throw Fault(description: "names a user without a password (a password alone is redis://:password@host)")
        }
    }

    private init(tcp text: Substring) throws(Fault) {
        var rest = text
        guard !rest.contains(where: { $0 == "?" || $0 == "#" }) else {
            throw Fault(
                description: "has a '?' or '#': there are no parameters, and within a password they are %3F and %23"
            )
        }
        var credentials: Substring?
        if let at = rest.lastIndex(of: "@") {
            credentials = rest[..<at]
            rest = rest[rest.index(after: at)...]
        }
        var database = 0
        if let slash = rest.firstIndex(of: "/") {
            let number = rest[rest.index(after: slash)...]
            if !number.isEmpty { database = try Self.database(number) }
            rest = rest[..<slash]
        }
        place = try Self.place(rest)
        self.database = database
        if let credentials { try readCredentials(credentials) }
    }

    private init(unix text: Substring) throws(Fault) {
        let parts = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        // As much as a socket's address has room for, with the NUL behind it.
        guard parts[0].hasPrefix("/"), parts[0].utf8.count < 108, !parts[0].contains("\0") else {
            throw Fault(description: "needs an absolute path of at most 107 bytes (unix:///run/redis.sock)")
        }
        place = .unix(path: String(parts[0]))
        guard parts.count > 1 else { return }
        guard parts[1].hasPrefix("db=") else { throw Fault(description: "has a parameter other than ?db=") }
        database = try Self.database(parts[1].dropFirst(3))
    }

    private mutating func readCredentials(_ text: Substring) throws(Fault) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        if !parts[0].isEmpty { user = try Self.decoded(parts[0]) }
        if parts.count > 1, !parts[1].isEmpty { password = try Self.decoded(parts[1]) }
    }

    private static func place(_ text: Substring) throws(Fault) -> Place {
        var (host, port) = (text, Substring())
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { throw Fault(description: "has a '[' without a ']'") }
            host = text[text.index(after: text.startIndex)..<end]
            port = text[text.index(after: end)...]
        } else if let colon = text.firstIndex(of: ":") {
            (host, port) = (text[..<colon], text[colon...])
            guard !port.dropFirst().contains(":") else {
                throw Fault(description: "has a port that is no number (an IPv6 address stands in brackets)")
            }
        }
        guard !host.isEmpty else { throw Fault(description: "has no host") }
        guard host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { throw Fault(description: "has an invalid host") }
        if port.isEmpty { return .tcp(host: String(host), port: defaultPort) }
        guard port.hasPrefix(":"), let number = number(port.dropFirst()), (1...65_535).contains(number) else {
            throw Fault(description: "has a port that is no number from 1 to 65535")
        }
        return .tcp(host: String(host), port: number)
    }

    private static func database(_ text: Substring) throws(Fault) -> Int {
        guard let number = number(text) else { throw Fault(description: "has a database that is no number") }
        return number
    }

    /// Digits alone: no sign, as `Int` would take one, and no more than fit.
    private static func number(_ text: Substring) -> Int? {
        guard !text.isEmpty, text.utf8.count <= 9, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int(text)
    }

    private static func decoded(_ text: Substring) throws(Fault) -> String {
        do throws(PercentEncodingError) {
            return try PercentEncoding.string(PercentEncoding.decode(text.utf8, plusIsSpace: false))
        } catch {
            throw Fault(description: "has a user or password that is wrongly percent-encoded (a '%' itself is %25)")
        }
    }

    /// For logs: without the password.
    package var description: String {
        switch place {
        case .unix(let path): return "unix://\(path)\(database == 0 ? "" : "?db=\(database)")"
        case .tcp(let host, let port):
            let name = host.contains(":") ? "[\(host)]" : host
            return "redis://\(user.map { "\($0)@" } ?? "")\(name):\(port)\(database == 0 ? "" : "/\(database)")"
        }
    }
}
