import HTTPServer
import Primitives
import Synchronization

/// Names requests that their callers have not named. Unique, not secret: a random start and a count.
struct RequestIDs: Sendable {
    private final class Counter: Sendable {
        let next = Atomic<UInt64>(0)
    }

    private let counter = Counter()
    private let prefix: String

    init(_ ids: any IdentifierGenerator) {
        prefix = "req_" + String(ids.randomBits().0, radix: 16) + "_"
    }

    /// The caller's id, if it is one that can be written into logs and headers as it is.
    func id(for head: HTTPRequestHead?) -> String {
        if let id = head?.headers["x-request-id"], Self.isSane(id) { return id }
        return prefix + String(counter.next.wrappingAdd(1, ordering: .relaxed).newValue, radix: 16)
    }

    private static func isSane(_ id: String) -> Bool {
        (1...128).contains(id.utf8.count)
            && id.utf8.allSatisfy { byte in
                isDigit(byte) || (byte | 0x20) &- UInt8(ascii: "a") < 26
                    || [UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: ":")].contains(byte)
            }
    }
}
