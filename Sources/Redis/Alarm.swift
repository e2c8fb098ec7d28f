import HTTPServer

/// A timer that is set again and again. Confined to its loop, hence `@unchecked Sendable`.
final class Alarm: LoopWork, @unchecked Sendable {
    private let loop: EventLoop
    private let ring: () -> Void
    private var timer: EventLoop.Timer?
    /// When it rings, or has rung last.
    private(set) var deadline: Int64 = 0

    init(on loop: EventLoop, ring: @escaping () -> Void) {
        self.loop = loop
        self.ring = ring
    }

    /// Rings at the loop's time `deadline`, in nanoseconds, and at no time that it was set to before.
    func set(at deadline: Int64) {
        cancel()
        self.deadline = deadline
        timer = loop.schedule(self, at: deadline)
    }

    func cancel() {
        if let timer { loop.cancel(timer) }
        timer = nil
    }

    func run(on loop: EventLoop) {
        timer = nil
        ring()
    }
}
