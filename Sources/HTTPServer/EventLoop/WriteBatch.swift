import CSystem
import Glibc

/// What one `writev` sends: views over bytes that stay in place until it has returned, as the batch keeps their owners.
package struct WriteBatch: ~Copyable {
    private let vectors = UnsafeMutableBufferPointer<iovec>.allocate(capacity: Self.vectorLimit)
    package private(set) var count = 0
    /// The bytes of all views together.
    package private(set) var byteCount = 0
    private var owners: [AnyObject] = []

    private static let vectorLimit = 64
    /// How many bytes a connection may send at once before the others get their turn.
    package static let byteLimit = 262_144

    deinit { vectors.deallocate() }

    package var isFull: Bool { count == Self.vectorLimit || byteCount >= Self.byteLimit }

    /// Adds a view, or its beginning where it would pass the limit. The batch must not be full.
    ///
    /// - Parameter owner: what the bytes live as long as; nil: they live longer than the batch is used.
    package mutating func append(_ bytes: UnsafeRawBufferPointer, of owner: AnyObject?) {
        let length = min(bytes.count, Self.byteLimit - byteCount)
        guard length > 0 else { return }
        vectors[count] = iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: length)
        count += 1
        byteCount += length
        if let owner { owners.append(owner) }
    }

    mutating func removeAll() {
        count = 0
        byteCount = 0
        owners.removeAll(keepingCapacity: true)
    }

    /// Sends to a socket; returns the number of bytes that it took, or -1 with `errno`.
    func send(to socket: Int32) -> Int {
        if count == 1 { return Glibc.send(socket, vectors[0].iov_base, vectors[0].iov_len, Int32(MSG_NOSIGNAL)) }
        var message = msghdr()
        message.msg_iov = vectors.baseAddress
        message.msg_iovlen = count
        return sendmsg(socket, &message, Int32(MSG_NOSIGNAL))
    }
}
