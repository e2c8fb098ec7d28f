import Glibc

@testable import HTTPServer

/// A pair of sockets that makes bytes of the views of a batch.
final class ByteSink {
    private var sockets: [Int32] = [0, 0]
    private var buffer = [UInt8](repeating: 0, count: 1 << 20)

    init() {
        let result = socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0, &sockets)
        precondition(result == 0)
    }

    deinit {
        for socket in sockets { close(socket) }
    }

    /// What the sockets take of the batch at once: the beginning of it, and all of it where it is small.
    func take(_ batch: borrowing WriteBatch) -> ArraySlice<UInt8> {
        guard batch.byteCount > 0, batch.send(to: sockets[0]) > 0 else { return [] }
        var count = 0
        while true {
            let read = buffer.withUnsafeMutableBytes { recv(sockets[1], $0.baseAddress! + count, $0.count - count, 0) }
            guard read > 0 else { return buffer[..<count] }
            count += read
        }
    }
}
