import CSystem
import Glibc
import Primitives

/// The loops of a process, each on a thread of its own.
///
/// `@unchecked Sendable`: `threads` is written once, before the group is handed to anybody.
package final class EventLoopGroup: @unchecked Sendable {
    package let loops: [EventLoop]
    private var threads: [pthread_t] = []

    /// Starts `count` loops.
    package init(count: Int, time: any TimeSource) throws(SystemError) {
        var loops: [EventLoop] = []
        for index in 0..<count { loops.append(try EventLoop(index: index, time: time)) }
        self.loops = loops
        for loop in loops { threads.append(try Self.startThread(of: loop)) }
    }

    /// Ends the loops after their current turns, and waits for their threads. Tasks that still prefer them stay suspended.
    package func stop() {
        for loop in loops { loop.stop() }
        for thread in threads { pthread_join(thread, nil) }
        threads = []
    }

    private static func startThread(of loop: EventLoop) throws(SystemError) -> pthread_t {
        var thread = pthread_t()
        let box = Unmanaged.passRetained(loop)
        let result = pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument else { return nil }
                let loop = Unmanaged<EventLoop>.fromOpaque(argument).takeRetainedValue()
                cs_name_thread("loop-\(loop.index)")
                loop.run()
                return nil
            },
            box.toOpaque()
        )
        guard result == 0 else {
            box.release()
            throw SystemError("pthread_create", number: result)
        }
        return thread
    }
}
