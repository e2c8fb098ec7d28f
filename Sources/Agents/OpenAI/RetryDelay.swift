import Primitives

/// How long to wait before a request is made again.
enum RetryDelay {
    private static let base: Int64 = 250_000_000
    private static let most: Int64 = 4_000_000_000
    /// A service that wants to be left alone for longer than this, in nanoseconds, is not waited for.
    static let longest: Int64 = 10_000_000_000

    /// Twice as long after each try, and between half and all of it, by chance: those that failed together do not come back together.
    ///
    /// - Parameter try: of those made so far, at least 1.
    static func nanoseconds(try: Int, random: any IdentifierGenerator) -> Int64 {
        let whole = min(most, base << Int64(min(`try` - 1, 10)))
        return whole / 2 + Int64(random.randomBits().0 % UInt64(whole / 2 + 1))
    }
}
