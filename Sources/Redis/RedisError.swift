/// Why a command has no answer.
package enum RedisError: Error, Sendable, Equatable, CustomStringConvertible {
    /// There is no connection, it was lost (whether the command was executed is then unknown), too much is under way, or Redis
    /// serves nothing at the moment. The reason is for the log.
    case unavailable(String)
    /// Redis has started, and is still reading its data.
    case loading
    /// It is a replica: after a failover the writable one is elsewhere.
    case readOnly
    /// It has reached `maxmemory`, and refuses what needs more.
    case outOfMemory
    /// It refuses who we say we are.
    case authentication(String)
    /// Any other error reply, in Redis's words: a wrong command or type, a script's error, a missing right.
    case refused(String)

    /// Whether the same command may succeed later.
    package var isPassing: Bool {
        switch self {
        case .unavailable, .loading, .readOnly, .outOfMemory: true
        case .authentication, .refused: false
        }
    }

    /// Whether nothing is served there: no connection, or a Redis that is busy with itself. Else it is there, and refuses this.
    package var isAway: Bool {
        switch self {
        case .unavailable, .loading: true
        case .readOnly, .outOfMemory, .authentication, .refused: false
        }
    }

    package var description: String {
        switch self {
        case .unavailable(let reason): "Redis is not available: \(reason)"
        case .loading: "Redis is still loading its data"
        case .readOnly: "Redis is a read-only replica"
        case .outOfMemory: "Redis is out of memory (maxmemory)"
        case .authentication(let text): "Redis refuses the user or password: \(text)"
        case .refused(let text): "Redis refuses: \(text)"
        }
    }

    /// What an error reply means; its first word tells.
    init(reply text: String) {
        switch text.prefix(while: { $0 != " " }) {
        case "LOADING": self = .loading
        case "READONLY": self = .readOnly
        case "OOM": self = .outOfMemory
        case "NOAUTH", "WRONGPASS": self = .authentication(text)
        case "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "NOREPLICAS", "MISCONF", "BUSY": self = .unavailable(text)
        // Redis 6 and older put the error of a command within a script behind words of their own.
        case "ERR" where text.contains(": -READONLY "): self = .readOnly
        case "ERR" where text.contains(": -OOM "): self = .outOfMemory
        case "ERR" where text.contains("max number of clients"): self = .unavailable(text)
        default: self = .refused(text)
        }
    }

    /// Whether a script is not known there (any more).
    var isUnknownScript: Bool {
        if case .refused(let text) = self { text.hasPrefix("NOSCRIPT") } else { false }
    }
}
