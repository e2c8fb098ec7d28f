import Glibc

/// A thread of the system, for blocking work.
final class StoreThread: Sendable {
    private let name: String
    private let body: @Sendable () -> Void

    private init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }

    /// Starts a thread that runs `body` and ends.
    ///
    /// - Parameter name: at most 15 bytes, for `top` and debuggers.
    /// - Throws: `.unavailable` when the system has no more threads.
    static func start(name: String, _ body: @escaping @Sendable () -> Void) throws(StoreError) {
        // The thread inherits a mask without signals: they are for the threads of whoever handles them.
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        let code = create(Unmanaged.passRetained(StoreThread(name: name, body: body)))
        pthread_sigmask(SIG_SETMASK, &before, nil)
        guard code == 0 else {
            throw StoreError(.unavailable, "no thread for the store: \(String(cString: strerror(code)))")
        }
    }

    private static func create(_ new: Unmanaged<StoreThread>) -> Int32 {
        var thread = pthread_t()
        let code = pthread_create(&thread, nil, { runThread($0) }, new.toOpaque())
        if code == 0 {
            pthread_detach(thread)
        } else {
            new.release()
        }
        return code
    }

    fileprivate func run() {
        rename()
        body()
    }

    /// Names the calling thread. A failure does no harm: the name is for people.
    private func rename() {
        let descriptor = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        _ = write(descriptor, name, name.utf8.count)
        close(descriptor)
    }
}

private func runThread(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let argument { Unmanaged<StoreThread>.fromOpaque(argument).takeRetainedValue().run() }
    return nil
}
