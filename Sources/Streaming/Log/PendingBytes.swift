/// A literal on its way to one client, which may take it in parts.
struct PendingBytes {
    private let text: StaticString
    private var sent = 0

    init(_ text: StaticString) {
        self.text = text
    }

    /// What is not sent yet; valid for ever.
    var rest: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: text.utf8Start + sent, count: text.utf8CodeUnitCount - sent)
    }

    /// Notes that as many of `count` bytes as there were are sent, and takes them off. True when none is left.
    mutating func take(_ count: inout Int) -> Bool {
        let taken = min(count, text.utf8CodeUnitCount - sent)
        sent += taken
        count -= taken
        return sent == text.utf8CodeUnitCount
    }
}
