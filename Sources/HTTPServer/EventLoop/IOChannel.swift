/// What a loop watches a descriptor for. Confined to its loop.
package protocol IOChannel: AnyObject {
    /// Called on the loop with the `epoll` events of the descriptor (`EPOLLIN`, …).
    func handle(events: UInt32)
}

/// Work that is handed to a loop without allocating anything: the object is the message.
package protocol LoopWork: AnyObject, Sendable {
    func run(on loop: EventLoop)

    /// Tells the processor what `run`, soon to come, is going to use. The object itself is on its way already.
    func prefetch()
}

extension LoopWork {
    package func prefetch() {}
}

/// A descriptor's place in its loop's table. A place that was reused has another generation,
/// so that an event or a wake meant for its former owner reaches nobody.
package struct ChannelToken: Sendable, Equatable {
    var descriptor: Int32
    var generation: UInt32

    var bits: UInt64 { UInt64(generation) << 32 | UInt64(UInt32(bitPattern: descriptor)) }

    init(descriptor: Int32, generation: UInt32) {
        self.descriptor = descriptor
        self.generation = generation
    }

    init(bits: UInt64) {
        descriptor = Int32(bitPattern: UInt32(truncatingIfNeeded: bits))
        generation = UInt32(bits >> 32)
    }
}
