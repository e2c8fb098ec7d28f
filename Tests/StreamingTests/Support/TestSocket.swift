import Glibc

/// A descriptor that a loop can watch.
final class TestSocket: Sendable {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)

    deinit { close(descriptor) }
}
