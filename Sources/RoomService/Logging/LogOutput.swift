import Glibc

/// The file that lines are written to, as far as it takes them.
struct LogOutput {
    let descriptor: Int32
    /// Whether the last write has failed: nobody reads any more, or the disk is full.
    private(set) var hasFailed = false
    private var isInLine = false

    init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    /// Writes whole lines, however long that takes.
    ///
    /// - Returns: how many of them were lost, as waiting does not help.
    mutating func write(_ lines: [UInt8]) -> Int {
        // The rest of a line that was lost would make the next one unreadable.
        if isInLine { _ = send([UInt8(ascii: "\n")]) }
        let lost = send(lines)
        hasFailed = lost > 0
        return lost
    }

    private mutating func send(_ lines: [UInt8]) -> Int {
        lines.withUnsafeBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if count >= 0 {
                    rest = rest.dropFirst(count)
                    isInLine = rest.startIndex > 0 && bytes[rest.startIndex - 1] != UInt8(ascii: "\n")
                } else if errno == EAGAIN {
                    // A terminal that another program has set to non-blocking.
                    var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    poll(&wanted, 1, -1)
                } else if errno != EINTR {
                    return rest.count { $0 == UInt8(ascii: "\n") }
                }
            }
            return 0
        }
    }
}
