import HTTPServer
import Primitives
import Synchronization

/// Names requests that their callers have not named: a count from a random start, so that no two instances say the same.
/// Unique, not secret; and short enough for a string that needs no memory of its own, as many clients stay for long.
struct RequestIDs: Sendable {
    private final class Counter: Sendable {
        let next: Atomic<UInt64>

        init(_ start: UInt64) { next = Atomic(start) }
    }

    private let counter: Counter

    init(_ ids: any IdentifierGenerator) {
        counter = Counter(ids.randomBits().0)
    }

    /// The caller's id, if it is one that can be written into logs and headers as it is.
    func id(for head: HTTPRequestHead?) -> String {
        if let id = head?.headers["x-request-id"], Self.isSane(id) { return id }
        return Self.text(counter.next.wrappingAdd(1, ordering: .relaxed).newValue)
    }

    /// `req_` and 11 letters and digits.
    private static func text(_ number: UInt64) -> String {
        let alphabet: StaticString = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
        return String(unsafeUninitializedCapacity: 15) { bytes in
            for (index, byte) in "req_".utf8.enumerated() { bytes[index] = byte }
            var rest = number
            for index in (4..<15).reversed() {
                bytes[index] = alphabet.utf8Start[Int(rest % 62)]
                rest /= 62
            }
            return 15
        }
    }

    /// Whether it can be written anywhere as it is: up to 128 letters, digits and some marks.
    static func isSane(_ id: String) -> Bool {
        (1...128).contains(id.utf8.count)
            && id.utf8.allSatisfy { byte in
                isDigit(byte) || (byte | 0x20) &- UInt8(ascii: "a") < 26
                    || [UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: ":")].contains(byte)
            }
    }
}
