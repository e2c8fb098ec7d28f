import Glibc

/// Work that waits for one of several threads, each of which takes one piece at a time.
///
/// `@unchecked Sendable`: `work`, `next` and `isClosed` are touched only while `mutex` is held.
final class WorkQueue<Work: Sendable>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let hasWork = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var work: [Work?] = []
    /// Where in `work` the oldest is; what is before has been taken.
    private var next = 0
    private var isClosed = false

    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(hasWork, nil)
    }

    deinit {
        pthread_cond_destroy(hasWork)
        pthread_mutex_destroy(mutex)
        hasWork.deallocate()
        mutex.deallocate()
    }

    /// - Returns: false when the queue is closed: the work will not be done.
    func add(_ new: Work) -> Bool {
        pthread_mutex_lock(mutex)
        guard !isClosed else {
            pthread_mutex_unlock(mutex)
            return false
        }
        work.append(new)
        pthread_mutex_unlock(mutex)
        pthread_cond_signal(hasWork)
        return true
    }

    /// The oldest, as soon as there is one; nil when the queue is closed and empty.
    func take() -> Work? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while next == work.count {
            if isClosed { return nil }
            pthread_cond_wait(hasWork, mutex)
        }
        let taken = work[next]
        work[next] = nil
        next += 1
        if next == work.count {
            work.removeAll(keepingCapacity: next <= 1024)
            next = 0
        }
        return taken
    }

    /// Takes no more work. What waits is still handed out.
    func close() {
        pthread_mutex_lock(mutex)
        isClosed = true
        pthread_mutex_unlock(mutex)
        pthread_cond_broadcast(hasWork)
    }
}
