import Primitives
import Streaming

/// How long clients are told to wait before they reconnect: each another time, so that those whose connections end at
/// the same moment do not come back at the same moment.
struct ReconnectDelay: Sendable {
    let tracker: ActiveStreamTracker
    let random: any IdentifierGenerator

    private static let usual = 1000...4000
    /// While there is more to do than can be done.
    private static let overloaded = 4000...15_000

    /// One client's time, in milliseconds.
    var milliseconds: Int { milliseconds(in: isOverloaded ? Self.overloaded : Self.usual) }

    /// For a client that was refused, and is to come back after `retryAfter` seconds at the earliest.
    func milliseconds(retryAfter: Int) -> Int { retryAfter * 1000 + milliseconds }

    private func milliseconds(in range: ClosedRange<Int>) -> Int {
        range.lowerBound + Int(random.randomBits().0 % UInt64(range.count))
    }

    /// Nine tenths of the places for streams are taken.
    private var isOverloaded: Bool { tracker.runningCount >= tracker.capacity - tracker.capacity / 10 }
}
