import CSystem
import Glibc
import HTTPServer
import Primitives
import Synchronization

/// Writes lines to a file descriptor, on a thread of its own: who logs only copies the line into a buffer, and never waits for
/// whoever reads them. When they are not read fast enough and the buffer is full, lines are dropped, and a later line tells how many.
///
/// The first line after a pause leaves at once. While more come, they leave together every 5 ms.
final class LogWriter: LogSink {
    private struct State {
        /// What has not been written yet; its memory is touched only as far as it has ever been filled.
        var pending: [UInt8] = []
        /// Lines dropped since that was told.
        var untold = 0
        /// Whether the thread has taken bytes that it has not written yet.
        var isWriting = false
        /// Whether the thread must be woken when there is something to write.
        var isAsleep = false
        /// Whether somebody waits for the writing to be done.
        var isAwaited = false
        var isClosed = false
    }

    /// In bytes. As much again may be with the thread, on its way out.
    static let usualLimit = 1 << 20
    /// How long lines gather while more come, in milliseconds.
    private static let gatheringTime: Int32 = 5
    /// In nanoseconds.
    private static let flushTime: Int64 = 1_000_000_000

    private let descriptor: Int32
    private let limit: Int
    private let notice: @Sendable (_ dropped: Int) -> [UInt8]
    private let state: Mutex<State>
    private let dropped = Atomic(0)
    /// An `eventfd` each: for the thread, and for those who wait for it.
    private let wake: Int32
    private let progress: Int32

    /// Starts the thread.
    ///
    /// - Parameters:
    ///   - descriptor: an open file, blocking or not, which others may write to as well.
    ///   - limit: of the buffer, in bytes.
    ///   - notice: makes the line that tells how many lines were dropped.
    /// - Throws: `SystemError` when the system has no more threads or descriptors.
    init(
        descriptor: Int32 = STDERR_FILENO,
        limit: Int = LogWriter.usualLimit,
        notice: @escaping @Sendable (_ dropped: Int) -> [UInt8]
    ) throws(SystemError) {
        self.descriptor = descriptor
        self.limit = limit
        self.notice = notice
        var state = State()
        state.pending.reserveCapacity(limit)
        self.state = Mutex(state)
        wake = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        progress = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        guard wake >= 0, progress >= 0 else { throw SystemError("eventfd") }
        try startThread()
    }

    deinit {
        Glibc.close(wake)
        Glibc.close(progress)
    }

    // MARK: From any thread

    var droppedLines: Int { dropped.load(ordering: .relaxed) }

    func write(_ line: [UInt8]) {
        let mustWake = state.withLock { state in
            guard state.pending.count + line.count <= limit else {
                state.untold += 1
                dropped.add(1, ordering: .relaxed)
                return false
            }
            state.pending.append(contentsOf: line)
            defer { state.isAsleep = false }
            return state.isAsleep
        }
        if mustWake { eventfd_write(wake, 1) }
    }

    func flush() {
        let deadline = nanoseconds(of: CLOCK_MONOTONIC) + Self.flushTime
        while true {
            let isDone = state.withLock { state in
                state.isAwaited = !state.pending.isEmpty || state.isWriting
                return !state.isAwaited
            }
            let rest = deadline - nanoseconds(of: CLOCK_MONOTONIC)
            if isDone || rest <= 0 { return }
            eventfd_write(wake, 1)
            // Another one who waits may have been told instead.
            Self.wait(for: progress, milliseconds: Int32(min(rest / 1_000_000, 50) + 1))
        }
    }

    /// Writes what there is, and ends the thread; what is logged later is lost.
    func close() {
        flush()
        state.withLock { $0.isClosed = true }
        eventfd_write(wake, 1)
    }

    // MARK: The thread

    private func startThread() throws(SystemError) {
        // It inherits a mask without signals: those are for the thread that waits for them, and a reader that is gone is an error
        // to be counted, not the end of the process.
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        var thread = pthread_t()
        let box = Unmanaged.passRetained(self)
        let result = pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument else { return nil }
                let writer = Unmanaged<LogWriter>.fromOpaque(argument).takeRetainedValue()
                cs_name_thread("log")
                writer.run()
                return nil
            },
            box.toOpaque()
        )
        guard result == 0 else {
            box.release()
            throw SystemError("pthread_create", number: result)
        }
        pthread_detach(thread)
    }

    private enum Next {
        case lines(dropped: Int)
        case nothing
        case closed
    }

    private func run() {
        var lines: [UInt8] = []
        lines.reserveCapacity(limit)
        var output = LogOutput(descriptor: descriptor)
        while true {
            switch take(&lines, tellsDrops: !output.hasFailed) {
            case .lines(let untold):
                let lost = output.write(lines)
                dropped.add(lost, ordering: .relaxed)
                let rest = lost + untold
                // Who has not taken the lines takes no notice either: it is told with what is taken next.
                if rest > 0, lost > 0 || output.write(notice(rest)) > 0 { state.withLock { $0.untold += rest } }
                lines.removeAll(keepingCapacity: true)
                Self.wait(for: wake, milliseconds: Self.gatheringTime)
            case .nothing: Self.wait(for: wake, milliseconds: -1)
            case .closed: return
            }
        }
    }

    /// Takes all that is to be written. Where that is nothing, whoever logs next wakes the thread.
    private func take(_ lines: inout [UInt8], tellsDrops: Bool) -> Next {
        let (next, isAwaited) = state.withLock { state -> (Next, Bool) in
            state.isWriting = !state.pending.isEmpty || (state.untold > 0 && tellsDrops)
            guard state.isWriting else {
                state.isAsleep = true
                defer { state.isAwaited = false }
                return (state.isClosed ? .closed : .nothing, state.isAwaited)
            }
            swap(&state.pending, &lines)
            defer { state.untold = 0 }
            return (.lines(dropped: state.untold), false)
        }
        if isAwaited { eventfd_write(progress, 1) }
        return next
    }

    /// Returns when the `eventfd` was written to, or the time is over; -1: never.
    private static func wait(for event: Int32, milliseconds: Int32) {
        var wanted = pollfd(fd: event, events: Int16(POLLIN), revents: 0)
        poll(&wanted, 1, milliseconds)
        var count: eventfd_t = 0
        eventfd_read(event, &count)
    }
}
