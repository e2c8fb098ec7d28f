import CSystem
import Glibc
import Primitives
import Synchronization

/// The loops of a process, each on a thread of its own.
package final class EventLoopGroup: Sendable {
    package let loops: [EventLoop]
    /// Those that have not been waited for.
    private let threads = Mutex<[pthread_t]>([])

    /// Starts `count` loops.
    package init(count: Int, time: any TimeSource) throws(SystemError) {
        var loops: [EventLoop] = []
        for index in 0..<count { loops.append(try EventLoop(index: index, time: time)) }
        self.loops = loops
        do throws(SystemError) {
            for loop in loops {
                let thread = try Self.startThread(of: loop)
                threads.withLock { $0.append(thread) }
            }
        } catch {
            stop()
            throw error
        }
    }

    /// Ends the loops after their current turns, and waits for their threads. Tasks that still prefer them stay
    /// suspended, and what is handed to the loops from now on never runs. To be called from outside of the loops.
    package func stop() {
        for loop in loops { loop.stop() }
        let threads = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for thread in threads { pthread_join(thread, nil) }
    }

    /// The CPU time that each loop has used, in seconds; empty when they have been stopped.
    package var cpuSeconds: [Double] {
        threads.withLock { threads in
            threads.map { thread in
                var clock = clockid_t()
                var used = timespec()
                guard pthread_getcpuclockid(thread, &clock) == 0, clock_gettime(clock, &used) == 0 else { return 0 }
                return Double(used.tv_sec) + Double(used.tv_nsec) / 1e9
            }
        }
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
