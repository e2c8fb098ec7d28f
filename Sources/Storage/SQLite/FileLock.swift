import Glibc
import Primitives
import Synchronization

/// The exclusive use of a folder by one process, until `release` or as long as this object lives.
///
/// A lock of `flock(2)`: the system lets go of it when the process ends, in whatever way.
final class FileLock: Sendable {
    private let held: Mutex<Int32?>

    /// - Throws: `.inUse` when someone has it, `.unavailable` when the file cannot be made.
    init(path: String) throws(StoreError) {
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            let reason = String(cString: strerror(errno))
            throw StoreError(
                .unavailable,
                "lock: \(path) cannot be written: \(reason); check that DATA_DIR is a folder, and who owns it"
            )
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            defer { Glibc.close(descriptor) }
            guard code == EWOULDBLOCK else {
                throw StoreError(.unavailable, "lock: \(path): \(String(cString: strerror(code)))")
            }
            let holder = Self.holder(descriptor).map { "process \($0)" } ?? "another process"
            throw StoreError(
                .inUse,
                "lock: \(path) is held by \(holder); stop it, or choose another folder with DATA_DIR"
            )
        }
        held = Mutex(descriptor)
        Self.writeHolder(descriptor)
    }

    deinit {
        release()
    }

    func release() {
        let descriptor = held.withLock { held in
            defer { held = nil }
            return held
        }
        guard let descriptor else { return }
        // Closing alone would not do while a child process that is being started still has a copy of the descriptor.
        flock(descriptor, LOCK_UN)
        Glibc.close(descriptor)
    }

    private static func writeHolder(_ descriptor: Int32) {
        // For the message alone: a failure to write it is no reason not to run.
        var text: [UInt8] = []
        text.append(decimal: Int(getpid()))
        text.append(UInt8(ascii: "\n"))
        if ftruncate(descriptor, 0) == 0 { _ = pwrite(descriptor, text, text.count, 0) }
    }

    private static func holder(_ descriptor: Int32) -> Int? {
        var buffer = [UInt8](repeating: 0, count: 20)
        let count = pread(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { return nil }
        return Int(String(decoding: buffer[..<count].prefix { isDigit($0) }, as: UTF8.self))
    }
}
