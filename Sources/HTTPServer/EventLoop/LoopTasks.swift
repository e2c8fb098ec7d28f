/// Tasks that code on a loop begins and cannot wait for, as it is called back by a socket: none is lost sight of, and the end of all
/// can be awaited.
///
/// `@unchecked Sendable`: confined to its loop, but for `close`, which goes there.
package final class LoopTasks: @unchecked Sendable {
    private let loop: EventLoop
    private var tasks: [Int: Task<Void, Never>] = [:]
    /// How many have not ended. To be called on the loop.
    var count: Int { tasks.count }
    private var lastID = 0
    private var isClosed = false

    package init(on loop: EventLoop) { self.loop = loop }

    /// Begins `work` on the loop, in its next turn. Nothing after `close`. To be called on the loop.
    package func run(_ work: @escaping @Sendable () async -> Void) {
        loop.preconditionOnLoop()
        guard !isClosed else { return }
        lastID += 1
        let id = lastID
        tasks[id] = Task(executorPreference: loop) {
            await work()
            self.tasks[id] = nil
        }
    }

    /// Cancels all, and returns when they have ended.
    package func close() async {
        let running = await Task(executorPreference: loop) {
            self.isClosed = true
            return Array(self.tasks.values)
        }.value
        for task in running { task.cancel() }
        for task in running { await task.value }
    }
}
