#if THREAD_SANITIZER
    import Primitives

    typealias Mutex = TracedMutex
#endif
