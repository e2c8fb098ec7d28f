import Glibc

/// The signals that ask a program to end, held back while something half made has to be put away first.
///
/// One that the process ignores, as `nohup` has it ignore SIGHUP, is not held, and asks for nothing.
final class HeldSignals {
    private var held: [Int32] = []
    private var before: sigset_t?

    deinit {
        release()
    }

    /// Holds those that come to the calling thread from now on.
    func hold() {
        guard before == nil else { return }
        held = [SIGHUP, SIGINT, SIGTERM].filter { !Self.isIgnored($0) }
        var set = sigset_t()
        sigemptyset(&set)
        for signal in held { sigaddset(&set, signal) }
        var mask = sigset_t()
        pthread_sigmask(SIG_BLOCK, &set, &mask)
        before = mask
    }

    /// Whether one has come.
    var arePending: Bool {
        var set = sigset_t()
        sigpending(&set)
        return held.contains { sigismember(&set, $0) == 1 }
    }

    /// One that has come does now what it does, which is to end the process.
    func release() {
        guard var mask = before else { return }
        before = nil
        pthread_sigmask(SIG_SETMASK, &mask, nil)
    }

    private static func isIgnored(_ signal: Int32) -> Bool {
        var action = sigaction()
        sigaction(signal, nil, &action)
        // `SIG_IGN` is the number 1, and no function that Swift could compare.
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: UInt.self) == 1
    }
}
