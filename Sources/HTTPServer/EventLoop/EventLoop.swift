import CSystem
import Glibc
import Metrics
import Primitives
import Synchronization

/// One thread and one `epoll`: all that happens on it happens one after the other.
///
/// A loop is a task executor. A task that prefers it runs on its thread between two looks at the sockets, so what
/// is confined to the loop needs no lock. Other threads hand in work through the mailbox; many pieces cost one wake.
///
/// A turn: wait, handle what the sockets have, fire timers, open the mailbox, run the tasks that are ready, and
/// last the flushes, so that everything a turn has produced for a socket leaves in one write.
///
/// `@unchecked Sendable`: `mailbox` is locked, all other variables are touched by the loop's own thread alone. The
/// doors check it with `preconditionOnLoop`, but for those that are used for each event and from the loop's own code.
package final class EventLoop: TaskExecutor, @unchecked Sendable {
    private struct Place {
        var channel: (any IOChannel)?
        var generation: UInt32 = 0
    }

    /// A timer that may be cancelled.
    package struct Timer: Sendable {
        fileprivate let id: LoopTimers.ID
    }

    /// The loop's number within its group.
    package let index: Int
    package let time: any TimeSource

    private let epoll: Int32
    private let wakeup: Int32
    private let mailbox = Mutex(LoopMailbox())

    /// What the mailbox is swapped with when it is opened: both keep their capacity.
    private var inbox = LoopMailbox()
    private var jobs: [UnownedJob] = []
    private var flushes: [any LoopWork] = []
    private let timers = LoopTimers()
    private var channels: [Place] = []
    private var isStopped = false
    private var date = HTTPDate()

    /// Read buffer of the loop: what is read is parsed before anything else reads.
    let readBuffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 65_536)
    /// What the next write of a streamed body consists of.
    var batch = WriteBatch()
    /// Write buffers that are not in use. Connections borrow one while bytes are in flight.
    var buffers = BufferPool()

    /// The monotonic time at which this turn began, in nanoseconds. To be read on the loop.
    package private(set) var now: Int64

    package init(index: Int, time: any TimeSource) throws(SystemError) {
        self.index = index
        self.time = time
        now = time.monotonicNanoseconds
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { throw SystemError("epoll_create1") }
        wakeup = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        guard wakeup >= 0 else { throw SystemError("eventfd") }
        // Edge-triggered: each write is an event, and nobody needs to read what has been written.
        cs_epoll_control(epoll, EPOLL_CTL_ADD, wakeup, EPOLLIN.rawValue | EPOLLET.rawValue, UInt64.max)
        time.addWaker { [weak self] in self?.execute {} }
    }

    deinit {
        close(epoll)
        close(wakeup)
        readBuffer.deallocate()
    }

    /// The loop on whose thread the caller runs, if it is one's.
    package static var current: EventLoop? {
        cs_current_loop().map { Unmanaged<EventLoop>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Whether the caller runs on this loop's thread.
    package var isCurrent: Bool {
        cs_current_loop() == Unmanaged.passUnretained(self).toOpaque()
    }

    /// By how much its timers were late. From any thread.
    package var lag: Histogram { timers.lag }

    /// How much waits in the mailbox. From any thread.
    package var mailboxCount: Int { mailbox.withLock { $0.count } }

    package func preconditionOnLoop(_ function: StaticString = #function) {
        precondition(isCurrent, "\(function) was called off its loop")
    }

    // MARK: Work from anywhere

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if isCurrent {
            jobs.append(job)
        } else {
            post { $0.jobs.append(job) }
        }
    }

    /// Runs `work` on the loop: at the end of this turn when called there, else in a turn soon.
    package func flush(_ work: any LoopWork) {
        if isCurrent {
            flushes.append(work)
        } else {
            post { $0.work.append(work) }
        }
    }

    /// Runs `block` on the loop, in a turn soon.
    package func execute(_ block: @escaping @Sendable () -> Void) {
        post { $0.blocks.append(block) }
    }

    /// Returns when the loop has finished whatever it was doing at the call.
    package func barrier() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            execute { continuation.resume() }
        }
    }

    private func post(_ add: (inout LoopMailbox) -> Void) {
        let mustWake = mailbox.withLock { (mailbox: inout LoopMailbox) -> Bool in
            add(&mailbox)
            defer { mailbox.isSignalled = true }
            return !mailbox.isSignalled
        }
        if mustWake { eventfd_write(wakeup, 1) }
    }

    // MARK: Timers

    /// Sleeps until the monotonic time `deadline`, in nanoseconds, without a thread. For tasks that run on this loop.
    ///
    /// - Throws: `CancellationError`, at once, when the task is cancelled.
    package func sleep(until deadline: Int64) async throws {
        preconditionOnLoop()
        let timer = timers.reserve()
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Void, any Error>) in
                if Task.isCancelled {
                    _ = timers.cancel(timer)
                    continuation.resume(throwing: CancellationError())
                } else {
                    timers.arm(timer, deadline: deadline, action: .resume(continuation))
                }
            }
        } onCancel: {
            // Not `cancelSleep` at once, even on the loop: the timer may not be armed yet.
            execute { [self] in cancelSleep(timer) }
        }
    }

    private func cancelSleep(_ timer: LoopTimers.ID) {
        if case .resume(let continuation) = timers.cancel(timer) {
            continuation.resume(throwing: CancellationError())
        }
    }

    /// Runs `block` on this loop at the monotonic time `deadline`, in nanoseconds. To be called on the loop.
    package func schedule(at deadline: Int64, _ block: @escaping @Sendable () -> Void) {
        preconditionOnLoop()
        timers.arm(timers.reserve(), deadline: deadline, action: .run(block))
    }

    /// Runs `work` on this loop at the monotonic time `deadline`, in nanoseconds, unless the timer is cancelled before. To be
    /// called on the loop.
    package func schedule(_ work: any LoopWork, at deadline: Int64) -> Timer {
        Timer(id: timers.arm(work, deadline: deadline))
    }

    /// Harmless when the timer has fired. To be called on the loop.
    package func cancel(_ timer: Timer) {
        _ = timers.cancel(timer.id)
    }

    // MARK: Channels

    /// Watches `descriptor`; `events` are those of `epoll_ctl`.
    package func register(_ descriptor: Int32, events: UInt32, channel: any IOChannel) throws(SystemError)
        -> ChannelToken
    {
        preconditionOnLoop()
        let index = Int(descriptor)
        if index >= channels.count {
            channels.append(contentsOf: repeatElement(Place(), count: max(64, index + 1 - channels.count)))
        }
        let token = ChannelToken(descriptor: descriptor, generation: channels[index].generation)
        guard cs_epoll_control(epoll, EPOLL_CTL_ADD, descriptor, events, token.bits) == 0 else {
            throw SystemError("epoll_ctl")
        }
        channels[index].channel = channel
        return token
    }

    /// Watches the descriptor for other events from now on.
    package func update(_ token: ChannelToken, events: UInt32) {
        preconditionOnLoop()
        guard channel(token) != nil else { return }
        cs_epoll_control(epoll, EPOLL_CTL_MOD, token.descriptor, events, token.bits)
    }

    /// Forgets the descriptor, and wakes that were meant for its channel. Closing it is the caller's part.
    package func unregister(_ token: ChannelToken) {
        preconditionOnLoop()
        guard channel(token) != nil else { return }
        cs_epoll_control(epoll, EPOLL_CTL_DEL, token.descriptor, 0, 0)
        channels[Int(token.descriptor)] = Place(channel: nil, generation: token.generation &+ 1)
    }

    /// The channel of that token, unless it has been unregistered. To be called on the loop.
    func channel(_ token: ChannelToken) -> (any IOChannel)? {
        let place = channels[Int(token.descriptor)]
        return place.generation == token.generation ? place.channel : nil
    }

    /// The value of the `Date` header field now (RFC 9110, section 6.6.1). To be called on the loop.
    func appendDate(to bytes: inout [UInt8]) {
        date.append(to: &bytes, now: now, time: time)
    }

    // MARK: The thread

    /// Runs turns on the calling thread until `stop`.
    func run() {
        cs_set_current_loop(Unmanaged.passUnretained(self).toOpaque())
        cs_prefer_wakeups(Self.slice)
        defer { cs_set_current_loop(nil) }
        let events = UnsafeMutablePointer<epoll_event>.allocate(capacity: Self.eventsPerTurn)
        defer { events.deallocate() }
        let executor = asUnownedTaskExecutor()
        var runningJobs: [UnownedJob] = []
        var runningFlushes: [any LoopWork] = []
        while !isStopped {
            let count = cs_epoll_wait(epoll, events, Int32(Self.eventsPerTurn), waitLimit)
            now = time.monotonicNanoseconds
            handle(events, count: Int(max(0, count)))
            timers.fire(at: now, on: self)
            swap(&jobs, &runningJobs)
            for job in runningJobs { job.runSynchronously(on: executor) }
            runningJobs.removeAll(keepingCapacity: true)
            // What an agent's wake has had flushed has the answer's readers flushed, which are to get it in the same turn.
            for _ in 0..<Self.flushRounds where !flushes.isEmpty {
                swap(&flushes, &runningFlushes)
                run(runningFlushes)
                runningFlushes.removeAll(keepingCapacity: true)
            }
        }
    }

    private static let eventsPerTurn = 512
    private static let flushRounds = 2
    /// The loop's work comes in pieces of microseconds, the store's threads' in pieces of milliseconds. In nanoseconds.
    private static let slice: UInt64 = 100_000

    /// Ends `run` after the turn in which the loop hears of it.
    func stop() {
        execute { [self] in isStopped = true }
    }

    /// How long this turn may wait, in nanoseconds; -1: for ever.
    private var waitLimit: Int64 {
        guard jobs.isEmpty, flushes.isEmpty else { return 0 }
        return timers.sleepLimit(by: time)
    }

    private func handle(_ events: UnsafePointer<epoll_event>, count: Int) {
        for index in 0..<count {
            let bits = events[index].data.u64
            if bits == .max {
                openMailbox()
            } else if let channel = channel(ChannelToken(bits: bits)) {
                channel.handle(events: events[index].events)
            }
        }
    }

    private func openMailbox() {
        mailbox.withLock { swap(&$0, &inbox) }
        jobs.append(contentsOf: inbox.jobs)
        flushes.append(contentsOf: inbox.work)
        for block in inbox.blocks { block() }
        inbox.empty()
    }

    private func run(_ works: [any LoopWork]) {
        for (index, work) in works.enumerated() {
            if index % LoopTimers.portion == 0 {
                for next in works[index..<min(index + LoopTimers.portion, works.count)] { next.prefetch() }
            }
            work.run(on: self)
        }
    }
}
