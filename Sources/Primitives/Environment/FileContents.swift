import Glibc

/// Small files, read whole.
package enum FileContents {
    /// Why a file cannot be read, to follow its name.
    package struct Fault: Error, CustomStringConvertible {
        package var number: Int32
        package var description: String

        fileprivate init(errno number: Int32) {
            self.number = number
            description = "cannot be read: \(String(cString: strerror(number)))"
        }

        fileprivate init(_ description: String) {
            number = EFBIG
            self.description = description
        }
    }

    /// - Parameter limit: in bytes; a larger file is refused.
    package static func read(_ path: String, limit: Int) throws(Fault) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Fault(errno: errno) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw Fault(errno: errno)
            }
            if count == 0 { return bytes }
            bytes.append(contentsOf: buffer[..<count])
            guard bytes.count <= limit else { throw Fault("is larger than \(limit) bytes") }
        }
    }
}
