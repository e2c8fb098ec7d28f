import Glibc

/// Jobs that wait for a thread. A thread with nothing to do sleeps, and takes all that waits when it wakes.
///
/// `@unchecked Sendable`: `jobs` and `isClosed` are touched only while `mutex` is held.
final class JobQueue<Job: Sendable>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let hasJobs = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var jobs: [Job] = []
    private var isClosed = false

    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(hasJobs, nil)
    }

    deinit {
        pthread_cond_destroy(hasJobs)
        pthread_mutex_destroy(mutex)
        hasJobs.deallocate()
        mutex.deallocate()
    }

    /// How many jobs wait.
    var count: Int {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return jobs.count
    }

    /// - Returns: false when the queue is closed: the job will not be run.
    func add(_ job: Job) -> Bool {
        pthread_mutex_lock(mutex)
        guard !isClosed else {
            pthread_mutex_unlock(mutex)
            return false
        }
        jobs.append(job)
        let isFirst = jobs.count == 1
        pthread_mutex_unlock(mutex)
        // The first job wakes a thread, which takes the later ones along: one system call, however many come.
        if isFirst { pthread_cond_signal(hasJobs) }
        return true
    }

    /// All that waits, as soon as there is something; nil when the queue is closed and empty.
    func takeAll() -> [Job]? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while jobs.isEmpty {
            if isClosed { return nil }
            pthread_cond_wait(hasJobs, mutex)
        }
        var taken: [Job] = []
        taken.reserveCapacity(jobs.count)
        swap(&taken, &jobs)
        return taken
    }

    /// Takes no more jobs. What waits is still handed out.
    func close() {
        pthread_mutex_lock(mutex)
        isClosed = true
        pthread_mutex_unlock(mutex)
        pthread_cond_broadcast(hasJobs)
    }
}
