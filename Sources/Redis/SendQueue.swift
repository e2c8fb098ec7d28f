/// Bytes that wait to be sent: appended at one end, taken in pieces at the other.
struct SendQueue {
    private var bytes: [UInt8] = []
    private var start = 0

    /// A buffer that a burst has made larger than this, in bytes, is not kept.
    private static let keptCapacity = 65_536

    /// From so many bytes that have been taken on, the buffer is cut. In bytes.
    private static let cutLimit = 1 << 20

    var count: Int { bytes.count - start }

    mutating func append(command: [RedisArgument]) { bytes.append(command: command) }

    /// Hands over at most `limit` bytes, and forgets them.
    mutating func take(atMost limit: Int, _ body: (UnsafeRawBufferPointer) -> Void) {
        let end = start + min(limit, count)
        bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[start..<end])) }
        start = end
        if start == bytes.count {
            bytes.removeAll(keepingCapacity: bytes.capacity <= Self.keptCapacity)
            start = 0
        } else if start >= Self.cutLimit, start * 2 >= bytes.count {
            bytes.removeSubrange(..<start)
            start = 0
        }
    }

    mutating func removeAll() {
        bytes = []
        start = 0
    }
}
