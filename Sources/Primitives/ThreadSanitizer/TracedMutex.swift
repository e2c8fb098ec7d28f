#if THREAD_SANITIZER
    import Glibc

    /// A mutex that the thread sanitizer sees, in builds for it: it knows those of POSIX, but not that of Swift's
    /// Synchronization module, which would make everything that one protects look like a race. A module that is to be
    /// looked at calls it `Mutex`.
    ///
    /// `@unchecked Sendable`: the value is touched only while `mutex` is held.
    package final class TracedMutex<Value>: @unchecked Sendable {
        private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
        private var value: Value

        package init(_ value: consuming sending Value) {
            self.value = value
            pthread_mutex_init(mutex, nil)
        }

        deinit {
            pthread_mutex_destroy(mutex)
            mutex.deallocate()
        }

        package func withLock<Result, Failure: Error>(
            _ body: (inout sending Value) throws(Failure) -> sending Result
        ) throws(Failure) -> sending Result {
            pthread_mutex_lock(mutex)
            defer { pthread_mutex_unlock(mutex) }
            return try body(&value)
        }
    }

    typealias Mutex = TracedMutex
#endif
