import Dispatch
import Glibc
import Synchronization
import Testing

@testable import Storage

@Suite struct `Queue of jobs` {
    @Test func `every job is taken once, whether by one or with all others`() throws {
        let queue = JobQueue<Int>()
        let taken = Mutex<[Int]>([])
        let threads = DispatchGroup()
        for number in 0..<4 {
            try start(threads) {
                while true {
                    guard let jobs = number % 2 == 0 ? queue.take().map({ [$0] }) : queue.takeAll() else { return }
                    taken.withLock { $0 += jobs }
                }
            }
        }
        for job in 0..<20_000 { #expect(queue.add(job)) }
        queue.close()
        threads.wait()
        #expect(taken.withLock { $0.sorted() } == Array(0..<20_000))
        #expect(!queue.add(0))
        #expect(queue.take() == nil)
        #expect(queue.takeAll() == nil)
    }

    @Test(.timeLimit(.minutes(1))) func `no thread sleeps while a job waits`() throws {
        for _ in 0..<200 {
            let queue = JobQueue<Void>()
            let threads = DispatchGroup()
            // Each waits until all have a job.
            let working = Atomic(0)
            for _ in 0..<3 {
                try start(threads) {
                    _ = queue.take()
                    working.add(1, ordering: .relaxed)
                    while working.load(ordering: .relaxed) < 3 { sched_yield() }
                }
            }
            for _ in 0..<3 { _ = queue.add(()) }
            threads.wait()
        }
    }

    @Test func `one alone takes them in the order in which they came`() {
        let queue = JobQueue<Int>()
        for job in 0..<3 { _ = queue.add(job) }
        #expect(queue.take() == 0)
        for job in 3..<5 { _ = queue.add(job) }
        #expect(queue.count == 4)
        #expect(queue.take() == 1)
        #expect(queue.takeAll() == [2, 3, 4])
        queue.close()
        #expect(queue.take() == nil)
    }

    private func start(_ threads: DispatchGroup, _ body: @escaping @Sendable () -> Void) throws {
        threads.enter()
        try StoreThread.start(name: "test") {
            body()
            threads.leave()
        }
    }
}
