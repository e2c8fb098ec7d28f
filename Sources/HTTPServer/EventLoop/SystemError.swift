import Glibc

/// A system call that failed, and why.
package struct SystemError: Error, CustomStringConvertible {
    package var call: String
    package var number: Int32

    /// The failure of `call` that `errno` tells of.
    package init(_ call: String, number: Int32 = errno) {
        self.call = call
        self.number = number
    }

    package var description: String { "\(call): \(String(cString: strerror(number)))" }
}
