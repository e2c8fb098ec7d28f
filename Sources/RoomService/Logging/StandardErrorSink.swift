import Glibc
import Synchronization

/// Lines on standard error, each whole: one `write(2)`, where the system takes it in one.
///
/// A reader of standard error that stops reading stops the writers.
final class StandardErrorSink: LogSink {
    private let descriptor: Mutex<Int32>

    /// - Parameter descriptor: an open file to write to instead.
    init(descriptor: Int32 = STDERR_FILENO) {
        self.descriptor = Mutex(descriptor)
    }

    func write(_ line: [UInt8]) {
        descriptor.withLock { descriptor in
            line.withUnsafeBytes { Self.writeAll($0, to: descriptor) }
        }
    }

    /// Gives up on errors that waiting does not help: there is nowhere left to report them.
    private static func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                // A terminal that another program has set to non-blocking.
                var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&wanted, 1, -1)
            } else if errno != EINTR {
                return
            }
        }
    }
}
