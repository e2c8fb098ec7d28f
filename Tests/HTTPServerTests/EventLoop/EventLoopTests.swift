import Glibc
import Primitives
import Synchronization
import Testing

@testable import HTTPServer

@Suite(.timeLimit(.minutes(1))) struct EventLoopTests {
    /// Runs `body` with loops that move only with `time`.
    static func withLoops(
        _ count: Int = 1,
        _ body: (EventLoopGroup, ManualTimeSource) async throws -> Void
    ) async throws {
        let time = ManualTimeSource()
        let group = try EventLoopGroup(count: count, time: time)
        defer { group.stop() }
        try await body(group, time)
    }

    @Test func `a task that prefers a loop runs on its thread, also after it was resumed by another`() async throws {
        try await Self.withLoops(2) { group, _ in
            let (first, second) = (group.loops[0], group.loops[1])
            let places = await Task(executorPreference: first) {
                var places = [first.isCurrent]
                await withCheckedContinuation { continuation in
                    second.execute { continuation.resume() }
                }
                places.append(first.isCurrent)
                // A child with another preference runs there; its parent comes back.
                places.append(await Task(executorPreference: second) { second.isCurrent }.value)
                places.append(first.isCurrent)
                await second.barrier()
                places.append(first.isCurrent && !second.isCurrent)
                return places
            }.value
            #expect(places == [true, true, true, true, true])
        }
    }

    @Test func `blocks from other threads run on the loop, in their order`() async throws {
        try await Self.withLoops { group, _ in
            let loop = group.loops[0]
            let seen = Mutex<[Int]>([])
            for number in 0..<1000 {
                loop.execute {
                    #expect(loop.isCurrent)
                    seen.withLock { $0.append(number) }
                }
            }
            await loop.barrier()
            #expect(seen.withLock { $0 } == Array(0..<1000))
        }
    }

    @Test func `no block is lost when many threads hand them in`() async throws {
        try await Self.withLoops(2) { group, _ in
            let loop = group.loops[0]
            let count = Counter()
            await withTaskGroup { tasks in
                for _ in 0..<8 {
                    tasks.addTask {
                        for _ in 0..<2000 { loop.execute { count.increment() } }
                        await loop.barrier()
                    }
                }
            }
            #expect(count.value == 16_000)
        }
    }

    /// Notes where and when it was run.
    private final class Note: LoopWork {
        let order = Mutex<[String]>([])
        let done = Gate()

        func run(on loop: EventLoop) {
            #expect(loop.isCurrent)
            order.withLock { $0.append("flush") }
            done.open()
        }
    }

    @Test func `a flush runs behind the tasks of its turn`() async throws {
        try await Self.withLoops { group, _ in
            let loop = group.loops[0]
            let note = Note()
            loop.execute {
                loop.flush(note)
                note.order.withLock { $0.append("block") }
                Task(executorPreference: loop) { note.order.withLock { $0.append("task") } }
            }
            await note.done.wait()
            #expect(note.order.withLock { $0 } == ["block", "task", "flush"])
        }
    }

    @Test func `a flush from another thread runs on the loop`() async throws {
        try await Self.withLoops { group, _ in
            let note = Note()
            group.loops[0].flush(note)
            await note.done.wait()
            #expect(note.order.withLock { $0 } == ["flush"])
        }
    }

    @Test func `a barrier returns when all that was handed in before has run`() async throws {
        try await Self.withLoops { group, _ in
            let loop = group.loops[0]
            for _ in 0..<100 {
                let hasRun = Mutex(false)
                loop.execute { hasRun.withLock { $0 = true } }
                await loop.barrier()
                #expect(hasRun.withLock { $0 })
            }
        }
    }

    @Test func `a task that never rests lets sockets, blocks and other tasks have their turns`() async throws {
        try await TestServer.run { server in
            let loop = server.loop
            let isOver = Atomic(false)
            let turns = Counter()
            let busy = Task(executorPreference: loop) {
                while !isOver.load(ordering: .relaxed) {
                    turns.increment()
                    await Task.yield()
                }
            }
            let client = try server.connect()
            for _ in 0..<20 {
                try client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try client.response().text == "GET /a ")
            }
            #expect(await Task(executorPreference: loop) { loop.isCurrent }.value)
            #expect(turns.value > 20)
            isOver.store(true, ordering: .relaxed)
            await busy.value
        }
    }

    private final class Channel: IOChannel {
        let name: String
        let tell: @Sendable (String) -> Void

        init(_ name: String, _ tell: @escaping @Sendable (String) -> Void) {
            self.name = name
            self.tell = tell
        }

        func handle(events: UInt32) { tell(name) }
    }

    @Test func `an old token of a descriptor that is used again reaches nobody`() async throws {
        try await Self.withLoops { group, _ in
            let loop = group.loops[0]
            var pair: [Int32] = [-1, -1]
            #expect(pipe(&pair) == 0)
            let (reading, writing) = (pair[0], pair[1])
            defer {
                close(reading)
                close(writing)
            }
            let told = Mutex<[String]>([])
            let handled = Gate()
            try await Task(executorPreference: loop) {
                let old = try loop.register(reading, events: 1, channel: Channel("old") { _ in Issue.record() })
                #expect(loop.channel(old) != nil)
                loop.unregister(old)
                #expect(loop.channel(old) == nil)
                let new = try loop.register(
                    reading,
                    events: 1,
                    channel: Channel("new") { name in
                        told.withLock { $0.append(name) }
                        var byte: UInt8 = 0
                        read(reading, &byte, 1)
                        handled.open()
                    }
                )
                #expect(new != old && new.descriptor == old.descriptor)
                #expect(loop.channel(old) == nil && loop.channel(new) != nil)
                // Unregistering twice does not take the place from its next owner.
                loop.unregister(old)
                #expect(loop.channel(new) != nil)
            }.value
            #expect(write(writing, "x", 1) == 1)
            await handled.wait()
            #expect(told.withLock { $0 } == ["new"])
        }
    }

    @Test func `a token's bits tell descriptor and generation`() {
        let token = ChannelToken(descriptor: 70_000, generation: .max - 1)
        #expect(ChannelToken(bits: token.bits) == token)
    }
}
