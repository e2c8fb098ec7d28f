import HTTPServer
import Synchronization

/// The subscribers of one log that live on one loop, told together: one wake for all, however many events there are.
///
/// `@unchecked Sendable`: `isWoken` is atomic; `subscribers` is touched on the loop alone.
final class LoopWatchers: LoopWork, @unchecked Sendable {
    let loop: EventLoop
    private let isWoken = Atomic(false)
    private var subscribers: [Subscriber] = []

    init(loop: EventLoop) {
        self.loop = loop
    }

    var isEmpty: Bool { subscribers.isEmpty }

    /// Has the loop look at the log, once, however often it is called before it does. From any thread.
    func wake() {
        guard !isWoken.exchange(true, ordering: .acquiringAndReleasing) else { return }
        loop.flush(self)
    }

    func run(on loop: EventLoop) {
        isWoken.store(false, ordering: .releasing)
        // Backwards: a subscriber that leaves has the last one put in its place.
        for index in subscribers.indices.reversed() where index < subscribers.count { subscribers[index].pump() }
    }

    func add(_ subscriber: Subscriber) {
        subscriber.index = subscribers.count
        subscribers.append(subscriber)
    }

    func remove(_ subscriber: Subscriber) {
        let last = subscribers.removeLast()
        guard last !== subscriber else { return }
        subscribers[subscriber.index] = last
        last.index = subscriber.index
    }
}
