import Glibc
import Synchronization

/// Jobs that wait for one of several threads. A thread with nothing to do sleeps.
///
/// The first job that waits wakes a thread, and a thread that leaves some behind wakes the next: so one system call serves all
/// that come before it wakes, where a thread takes all, and where it takes one, no thread sleeps while another job waits.
final class JobQueue<Job: Sendable>: Sendable {
    private struct State {
        var added: [Job] = []
        /// Those before them, the oldest last.
        var next: [Job] = []
        /// Threads that sleep, or are about to, and have not been woken.
        var sleepers = 0
        var isClosed = false

        var count: Int { added.count + next.count }

        mutating func take() -> Job? {
            if next.isEmpty {
                swap(&added, &next)
                next.reverse()
            }
            return next.popLast()
        }

        mutating func takeAll() -> [Job]? {
            guard count > 0 else { return nil }
            var taken: [Job] = []
            taken.reserveCapacity(added.count)
            swap(&added, &taken)
            guard !next.isEmpty else { return taken }
            defer { next = [] }
            return next.reversed() + taken
        }

        /// - Returns: whether there is a thread to be woken, which the caller must do.
        mutating func wakesOne() -> Bool {
            guard sleepers > 0 else { return false }
            sleepers -= 1
            return true
        }
    }

    private let state = Mutex(State())
    private let wakes = WakeCounter()

    /// How many jobs wait.
    var count: Int { state.withLock { $0.count } }

    /// - Returns: false when the queue is closed: the job will not be run.
    func add(_ job: Job) -> Bool {
        let (isAdded, wakesOne) = state.withLock { state in
            guard !state.isClosed else { return (false, false) }
            state.added.append(job)
            return (true, state.count == 1 && state.wakesOne())
        }
        if wakesOne { wakes.add() }
        return isAdded
    }

    /// The oldest job, as soon as there is one; nil when the queue is closed and empty.
    func take() -> Job? {
        wait { $0.take() }
    }

    /// All that waits, as soon as there is something; nil when the queue is closed and empty.
    func takeAll() -> [Job]? {
        wait { $0.takeAll() }
    }

    /// Takes no more jobs. What waits is still handed out.
    func close() {
        let sleepers = state.withLock { state in
            defer { state.sleepers = 0 }
            state.isClosed = true
            return state.sleepers
        }
        for _ in 0..<sleepers { wakes.add() }
    }

    private func wait<Value: Sendable>(until take: @Sendable (inout State) -> Value?) -> Value? {
        while true {
            let (value, wakesOne, isEnd) = state.withLock { state -> (Value?, Bool, Bool) in
                if let value = take(&state) { return (value, state.count > 0 && state.wakesOne(), false) }
                if !state.isClosed { state.sleepers += 1 }
                return (nil, false, state.isClosed)
            }
            if wakesOne { wakes.add() }
            if value != nil || isEnd { return value }
            wakes.take()
        }
    }
}

/// A semaphore of the system. Unlike a condition variable it has no mutex that a woken thread must take again, and whose
/// release then costs a system call for other sleepers, be there any or not.
///
/// `@unchecked Sendable`: a `sem_t` at an address of its own is made to be used by several threads at once.
private final class WakeCounter: @unchecked Sendable {
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() {
        sem_init(semaphore, 0, 0)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func add() {
        sem_post(semaphore)
    }

    /// Waits for one, and takes it away.
    func take() {
        while sem_wait(semaphore) != 0 {}
    }
}
