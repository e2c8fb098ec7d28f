/// Bytes on their way to one client, which may take them in parts. An object, as most clients have none most of the time.
final class PendingBytes {
    private let bytes: UnsafeRawBufferPointer
    private var sent = 0
    /// What the bytes live as long as; nil for those that live as long as the program.
    let owner: AnyObject?

    init(_ text: StaticString) {
        bytes = UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        owner = nil
    }

    init(_ bytes: [UInt8]) {
        let memory = LogSegment(start: 0, firstSequence: 0, capacity: bytes.count)
        var tail = LogTail(of: memory)
        tail.write(bytes)
        self.bytes = memory.view(0..<bytes.count)
        owner = memory.owner
    }

    var hasBegun: Bool { sent > 0 }

    /// What is not sent yet; valid as long as its owner.
    var rest: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[sent...]) }

    /// Notes that as many of `count` bytes as there were are sent, and takes them off. True when none is left.
    func take(_ count: inout Int) -> Bool {
        let taken = min(count, bytes.count - sent)
        sent += taken
        count -= taken
        return sent == bytes.count
    }
}
