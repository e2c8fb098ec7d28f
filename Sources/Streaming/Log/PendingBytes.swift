import Primitives

/// A few bytes on their way to one client, at a place that stays until they are sent.
final class PendingBytes {
    private let memory: UnsafeMutableRawBufferPointer
    private var sent = 0

    init(_ bytes: [UInt8], isChunked: Bool) {
        var framed: [UInt8] = []
        if isChunked { framed.append(chunk: bytes) } else { framed = bytes }
        memory = .allocate(byteCount: framed.count, alignment: 1)
        memory.copyBytes(from: framed)
    }

    /// What ends a body: the `[DONE]` that clients of such APIs wait for, and the last chunk (RFC 9112, section 7.1).
    init(ending sendsDone: Bool, isChunked: Bool) {
        var bytes: [UInt8] = []
        if sendsDone {
            if isChunked { bytes.append(chunk: SSEText.done) } else { bytes.append(contentsOf: SSEText.done) }
        }
        if isChunked { bytes.append(ascii: "0\r\n\r\n") }
        memory = .allocate(byteCount: bytes.count, alignment: 1)
        memory.copyBytes(from: bytes)
    }

    deinit { memory.deallocate() }

    /// What is not sent yet; valid as long as the object.
    var rest: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: memory[sent...])
    }

    /// Notes that as many of `count` bytes as there were are sent, and takes them off. True when none is left.
    func take(_ count: inout Int) -> Bool {
        let taken = min(count, memory.count - sent)
        sent += taken
        count -= taken
        return sent == memory.count
    }
}
