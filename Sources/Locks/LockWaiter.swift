import HTTPServer

/// One who waits for a lock. Confined to its loop, hence `@unchecked Sendable`, but for `wake`.
final class LockWaiter: @unchecked Sendable {
    private let loop: EventLoop
    private var isWoken = false
    private var sleep: Task<Void, Never>?

    init(on loop: EventLoop) {
        self.loop = loop
    }

    /// Has it look again, on its loop, now or when it is about to pause. From anywhere.
    func wake() {
        loop.execute { [self] in
            isWoken = true
            sleep?.cancel()
        }
    }

    /// Returns at the loop's time `deadline`, in nanoseconds, or when it is woken, or its task is cancelled.
    func pause(until deadline: Int64) async {
        if !isWoken {
            let sleep = Task(executorPreference: loop) { [loop] in _ = try? await loop.sleep(until: deadline) }
            self.sleep = sleep
            await withTaskCancellationHandler {
                await sleep.value
            } onCancel: {
                sleep.cancel()
            }
            self.sleep = nil
        }
        isWoken = false
    }
}
