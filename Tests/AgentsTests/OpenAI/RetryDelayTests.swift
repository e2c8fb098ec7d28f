import Primitives
import Synchronization
import TestSupport
import Testing

@testable import Agents

struct RetryDelayTests {
    private struct FixedBits: IdentifierGenerator {
        var bits: UInt64
        func randomBits() -> (UInt64, UInt64) { (bits, 0) }
    }

    private final class SeededBits: IdentifierGenerator {
        private let generator = Mutex(SeededGenerator(seed: 40))
        func randomBits() -> (UInt64, UInt64) { generator.withLock { ($0.next(), $0.next()) } }
    }

    /// In milliseconds, by the try.
    private static let bounds: [(Int, ClosedRange<Int64>)] = [
        (1, 125...250), (2, 250...500), (3, 500...1000), (4, 1000...2000), (5, 2000...4000), (6, 2000...4000),
        (11, 2000...4000), (100, 2000...4000), (.max, 2000...4000),
    ]

    @Test(arguments: bounds) func `a delay doubles up to four seconds, and is at least half of that`(
        count: Int,
        bounds: ClosedRange<Int64>
    ) {
        let random = SeededBits()
        let delays = (0..<1000).map { _ in RetryDelay.nanoseconds(try: count, random: random) }
        #expect(delays.allSatisfy { (bounds.lowerBound * 1_000_000...bounds.upperBound * 1_000_000).contains($0) })
        // Those that failed together do not come back together.
        #expect(Set(delays).count > 900)
        #expect(RetryDelay.nanoseconds(try: count, random: FixedBits(bits: 0)) == bounds.lowerBound * 1_000_000)
    }

    @Test func `the longest delay can come about`() {
        #expect(RetryDelay.nanoseconds(try: 1, random: FixedBits(bits: 125_000_000)) == 250_000_000)
        #expect(RetryDelay.nanoseconds(try: 9, random: FixedBits(bits: .max)) <= 4_000_000_000)
    }
}
