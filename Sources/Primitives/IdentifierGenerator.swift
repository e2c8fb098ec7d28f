import Glibc
import Synchronization

/// Makes identifiers that nobody can guess.
package protocol IdentifierGenerator: Sendable {
    /// 128 random bits, as two halves.
    func randomBits() -> (UInt64, UInt64)
}

/// Identifiers from the system's cryptographic random numbers, which are fetched 16 at a time: a system call for each
/// would take longer than all the rest of a short request.
package final class RandomIdentifierGenerator: IdentifierGenerator {
    private let stock = Mutex<[UInt64]>([])

    /// The most that `getentropy` gives at once is 256 bytes.
    private static let stockCount = 32

    package init() {}

    package func randomBits() -> (UInt64, UInt64) {
        stock.withLock { stock in
            if stock.isEmpty { Self.fill(&stock) }
            return (stock.removeLast(), stock.removeLast())
        }
    }

    private static func fill(_ stock: inout [UInt64]) {
        stock.append(contentsOf: repeatElement(0, count: stockCount))
        let result = stock.withUnsafeMutableBytes { getentropy($0.baseAddress, $0.count) }
        // Fails only on a kernel without random numbers; identifiers that can be guessed are worse than none.
        precondition(result == 0, "The system has no random numbers")
    }
}

extension IdentifierGenerator {
    /// `prefix` and a UUID of version 7 in lower case (RFC 9562, section 5.7), as `room_019a…`: 74 random bits behind the
    /// time in milliseconds. Identifiers that are made together stand together in an index, so that a store touches few
    /// of its pages; random ones would cost it up to twice the work.
    package func uuid(prefix: StaticString, at time: Timestamp) -> String {
        var (high, low) = randomBits()
        high = UInt64(truncatingIfNeeded: time.milliseconds) << 16 | 0x7000 | high & 0xFFF
        low = low & (.max >> 2) | 1 << 63
        var text: [UInt8] = []
        text.reserveCapacity(48)
        text.append(ascii: prefix)
        for digit in 0..<32 {
            if digit == 8 || digit == 12 || digit == 16 || digit == 20 { text.append(UInt8(ascii: "-")) }
            let half = digit < 16 ? high : low
            text.append(hexadecimalDigit: UInt8(half >> UInt64(60 - digit % 16 * 4) & 15))
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// `prefix` and 128 random bits in 22 letters and digits: as hard to guess as a UUID, and shorter,
    /// for identifiers that are sent again and again.
    package func token(prefix: StaticString) -> String {
        let alphabet: StaticString = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
        let (high, low) = randomBits()
        var text: [UInt8] = []
        text.reserveCapacity(32)
        text.append(ascii: prefix)
        for var half in [high, low] {
            for _ in 0..<11 {
                text.append(alphabet.utf8Start[Int(half % 62)])
                half /= 62
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
