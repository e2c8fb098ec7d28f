/// How many requests are taken in how much time: `RATE_LIMITS`.
struct RateLimits: Sendable, Equatable {
    struct Rate: Sendable, Equatable {
        /// At least 1.
        var count: Int
        var period: Duration
    }

    /// Questions to agents, per user. Nil: no limit.
    var messages: Rate?
    /// All calls that change something, questions included, per user. Nil: no limit.
    var writes: Rate?
    /// All other calls, per client address. Nil: no limit.
    var reads: Rate?

    /// `on`
    static let standard = RateLimits(
        messages: Rate(count: 60, period: .seconds(60)),
        writes: Rate(count: 300, period: .seconds(60)),
        reads: Rate(count: 3000, period: .seconds(60))
    )

    /// `off`
    static let off = RateLimits(messages: nil, writes: nil, reads: nil)

    private static let countRange = 1...1_000_000_000
}

extension RateLimits {
    /// `on`, `off`, or a list as `messages=60/m,writes=off`: a count per second (`s`), minute (`m`) or hour (`h`). What the
    /// list does not name keeps its standard rate. Nil for anything else.
    init?(_ text: String) {
        switch text {
        case "on": self = .standard
        case "off": self = .off
        default:
            self = .standard
            var named: Set<String> = []
            for entry in text.split(separator: ",", omittingEmptySubsequences: false) {
                let parts = entry.split(separator: "=", omittingEmptySubsequences: false).map { $0.trimmingSpaces }
                guard parts.count == 2, named.insert(parts[0]).inserted else { return nil }
                guard let place = Self.place(parts[0]), let rate = Self.rate(parts[1]) else { return nil }
                self[keyPath: place] = rate
            }
        }
    }

    private static func place(_ name: String) -> WritableKeyPath<RateLimits, Rate?>? {
        switch name {
        case "messages": \.messages
        case "writes": \.writes
        case "reads": \.reads
        default: nil
        }
    }

    /// The outer nil is a fault; the inner one is `off`.
    private static func rate(_ text: String) -> Rate?? {
        if text == "off" { return .some(nil) }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let count = Int(parts[0]), countRange.contains(count) else { return nil }
        switch parts[1] {
        case "s": return Rate(count: count, period: .seconds(1))
        case "m": return Rate(count: count, period: .seconds(60))
        case "h": return Rate(count: count, period: .seconds(3600))
        default: return nil
        }
    }
}

extension RateLimits: CustomStringConvertible {
    var description: String {
        if self == .standard { return "on" }
        if self == .off { return "off" }
        return [("messages", messages), ("writes", writes), ("reads", reads)]
            .map { name, rate in "\(name)=\(rate.map(Self.description) ?? "off")" }
            .joined(separator: ",")
    }

    private static func description(of rate: Rate) -> String {
        let unit = rate.period == .seconds(1) ? "s" : rate.period == .seconds(60) ? "m" : "h"
        return "\(rate.count)/\(unit)"
    }
}
