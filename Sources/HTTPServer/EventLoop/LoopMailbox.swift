/// What other threads have handed to a loop, until it looks.
struct LoopMailbox {
    var jobs: [UnownedJob] = []
    var work: [any LoopWork] = []
    var blocks: [@Sendable () -> Void] = []
    /// Whether the loop has been woken for it.
    var isSignalled = false

    var count: Int { jobs.count + work.count + blocks.count }

    mutating func empty() {
        jobs.removeAll(keepingCapacity: true)
        work.removeAll(keepingCapacity: true)
        blocks.removeAll(keepingCapacity: true)
        isSignalled = false
    }
}
