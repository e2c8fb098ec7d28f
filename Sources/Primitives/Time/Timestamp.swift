/// A point in time, in milliseconds since 1970-01-01T00:00:00Z: what is stored, and what the API shows.
package struct Timestamp: Sendable, Hashable, Comparable {
    package var milliseconds: Int64

    package init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    package static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.milliseconds < right.milliseconds
    }

    package static func + (left: Timestamp, right: Duration) -> Timestamp {
        Timestamp(milliseconds: left.milliseconds.adding(right.wholeMilliseconds))
    }

    package static func - (left: Timestamp, right: Duration) -> Timestamp {
        Timestamp(milliseconds: left.milliseconds.subtracting(right.wholeMilliseconds))
    }

    /// The time from `other` to this one.
    package func since(_ other: Timestamp) -> Duration {
        .milliseconds(milliseconds.subtracting(other.milliseconds))
    }
}

/// Times that a store holds may be anything: a sum that is out of range is the end of the range.
extension Int64 {
    fileprivate func adding(_ other: Int64) -> Int64 {
        let (sum, isOutOfRange) = addingReportingOverflow(other)
        return isOutOfRange ? (other > 0 ? .max : .min) : sum
    }

    fileprivate func subtracting(_ other: Int64) -> Int64 {
        let (difference, isOutOfRange) = subtractingReportingOverflow(other)
        return isOutOfRange ? (other < 0 ? .max : .min) : difference
    }
}

extension Duration {
    /// The duration in milliseconds, rounded down.
    package var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1000 + attoseconds.dividedRoundingDown(by: 1_000_000_000_000_000)
    }

    /// The duration in nanoseconds, rounded down.
    package var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000_000 + attoseconds.dividedRoundingDown(by: 1_000_000_000)
    }
}

extension BinaryInteger {
    func dividedRoundingDown(by divisor: Self) -> Self {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
