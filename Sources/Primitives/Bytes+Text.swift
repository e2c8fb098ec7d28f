extension [UInt8] {
    /// Appends text that is known when the program is built.
    package mutating func append(ascii text: StaticString) {
        append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends the UTF-8 of `text`.
    package mutating func append(utf8 text: String) {
        append(contentsOf: text.utf8)
    }

    /// Cuts UTF-8 to at most `limit` bytes, between two characters (code points).
    package mutating func cutText(to limit: Int) {
        guard count > limit else { return }
        var end = Swift.max(0, limit)
        while end > 0, self[end] & 0xC0 == 0x80 { end -= 1 }
        removeSubrange(end...)
    }

    /// Appends `value` in decimal.
    package mutating func append(decimal value: Int) {
        if value < 0 { append(UInt8(ascii: "-")) }
        // From the last digit on: dividing by a constant is a multiplication.
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var (rest, first) = (value.magnitude, digits.count)
        repeat {
            first -= 1
            digits[first] = UInt8(ascii: "0") + UInt8(rest % 10)
            rest /= 10
        } while rest > 0
        while first < digits.count {
            append(digits[first])
            first += 1
        }
    }

    /// Appends `value` in decimal, filled up with zeros on the left to `width` digits.
    package mutating func append(decimal value: Int, width: Int) {
        var divisor = 1
        for _ in 1..<width { divisor *= 10 }
        while divisor > 0 {
            append(UInt8(ascii: "0") + UInt8(value / divisor % 10))
            divisor /= 10
        }
    }

    /// Appends the lower-case digit of a value from 0 to 15.
    package mutating func append(hexadecimalDigit value: UInt8) {
        append(value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10)
    }

    /// Appends `value` in lower-case hexadecimal without leading zeros.
    package mutating func append(hexadecimal value: Int) {
        var shift = Swift.max(0, (Int.bitWidth - value.leadingZeroBitCount - 1) / 4 * 4)
        while shift >= 0 {
            append(hexadecimalDigit: UInt8(value >> shift & 15))
            shift -= 4
        }
    }
}
