import Glibc
import HTTPServer
import Primitives
import Redis

/// A loop for a test.
struct TestLoop: Sendable {
    let group: EventLoopGroup
    /// Its clock, where the test moves it.
    let time: ManualTimeSource?

    var loop: EventLoop { group.loops[0] }

    /// Runs `body` on the loop, by the system's clock.
    static func run(_ body: @escaping @Sendable (TestLoop) async throws -> Void) async throws {
        try await run(time: SystemTimeSource(), manual: nil, body)
    }

    /// Runs `body` on the loop, whose time moves by `advance` alone.
    static func runManually(_ body: @escaping @Sendable (TestLoop) async throws -> Void) async throws {
        let time = ManualTimeSource()
        try await run(time: time, manual: time, body)
    }

    private static func run(
        time: any TimeSource,
        manual: ManualTimeSource?,
        _ body: @escaping @Sendable (TestLoop) async throws -> Void
    ) async throws {
        let group = try EventLoopGroup(count: 1, time: time)
        defer { group.stop() }
        let test = TestLoop(group: group, time: manual)
        try await Task(executorPreference: test.loop) { try await body(test) }.value
    }

    /// Moves the clock on, and returns when the loop has seen it.
    func advance(milliseconds: Int) async {
        time?.advance(by: .milliseconds(milliseconds))
        await loop.barrier()
        await loop.barrier()
    }

    /// Lets a moment of real time pass, in which the loop works.
    func pause(milliseconds: Int = 1) async throws {
        try await Task.sleep(for: .milliseconds(milliseconds))
    }

    /// Waits in real time until it is so; false when it is not for ten seconds.
    func wait(until isSo: () throws -> Bool) async throws -> Bool {
        for _ in 0..<10_000 {
            if try isSo() { return true }
            try await pause()
        }
        return false
    }

    /// A connection that is open.
    func connect(_ address: RedisAddress, options: RedisOptions = RedisOptions()) async throws -> RedisConnection {
        let connection = RedisConnection(address, options: options, loop: loop)
        try await connection.connect()
        return connection
    }

    /// How connecting fails; nil: it does not.
    func failure(_ address: RedisAddress, options: RedisOptions = RedisOptions()) async -> RedisError? {
        let redis = RedisConnection(address, options: options, loop: loop)
        do throws(RedisError) {
            try await redis.connect()
        } catch {
            return error
        }
        redis.close()
        return nil
    }

    /// A client that is connected.
    func client(_ address: RedisAddress, options: RedisOptions = RedisOptions()) async throws -> RedisClient {
        let client = RedisClient(address, options: options, loop: loop)
        client.start()
        guard try await wait(until: { client.isConnected }) else { throw client.fault ?? .unavailable("") }
        return client
    }
}

/// What has been told, in order. Confined to a loop.
final class Notes<Note>: @unchecked Sendable {
    var all: [Note] = []
}

/// The descriptors that this process has open.
func openDescriptors() -> Int {
    guard let folder = opendir("/proc/self/fd") else { return 0 }
    defer { closedir(folder) }
    var count = 0
    while readdir(folder) != nil { count += 1 }
    return count
}
