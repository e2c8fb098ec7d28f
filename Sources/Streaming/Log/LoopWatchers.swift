import HTTPServer
import Primitives
import Synchronization

/// The watchers of one log that live on one loop, told together: one wake for all, however many events there are.
///
/// `@unchecked Sendable`: `isWoken` and `list` are atomic; `watchers` is touched on the loop alone.
final class LoopWatchers: LoopWork, @unchecked Sendable {
    let loop: EventLoop
    private let isWoken = Atomic(false)
    private var watchers: [Watcher] = []
    /// Where the list of watchers lies.
    private let list = Atomic<UInt>(0)

    private struct Watcher {
        let watcher: LogWatcher
        /// Where it lies, and its connection.
        let hint: CacheHint
        let connectionHint: CacheHint
    }

    init(loop: EventLoop) {
        self.loop = loop
    }

    var isEmpty: Bool { watchers.isEmpty }

    /// Has the loop look at the log, once, however often it is called before it does. From any thread.
    func wake() {
        guard !isWoken.exchange(true, ordering: .acquiringAndReleasing) else { return }
        loop.flush(self)
    }

    func run(on loop: EventLoop) {
        isWoken.store(false, ordering: .releasing)
        // Backwards: a watcher that leaves has the last one put in its place.
        for index in watchers.indices.reversed() where index < watchers.count {
            if index >= Self.ahead { prefetch(index - Self.ahead) }
            watchers[index].watcher.pump()
        }
    }

    func add(_ watcher: LogWatcher) {
        watcher.index = watchers.count
        watchers.append(
            Watcher(
                watcher: watcher,
                hint: CacheHint(watcher, lines: 3),
                connectionHint: watcher.connectionHint
            )
        )
        watchersDidChange()
    }

    func remove(_ watcher: LogWatcher) {
        let last = watchers.removeLast()
        guard last.watcher !== watcher else { return }
        watchers[watcher.index] = last
        last.watcher.index = watcher.index
    }

    // MARK: Hints

    func prefetch() {
        for index in watchers.indices.suffix(Self.ahead) { prefetch(index) }
    }

    private func prefetch(_ index: Int) {
        watchers[index].hint.prefetch()
        watchers[index].connectionHint.prefetch()
    }

    /// Where the list of watchers lies. From any thread.
    var listHint: CacheHint {
        CacheHint(UnsafeRawPointer(bitPattern: list.load(ordering: .relaxed)), lines: 2)
    }

    private func watchersDidChange() {
        let address = watchers.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
        list.store(address, ordering: .relaxed)
    }

    /// How many watchers are served while the memory of another one comes.
    private static let ahead = 8
}
