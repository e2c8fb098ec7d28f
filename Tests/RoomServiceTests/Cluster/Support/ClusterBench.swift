import Primitives
import RedisTestSupport
import Storage
import Streaming

@testable import RoomService

/// Several instances over one Redis and one store, by one clock that the test moves.
struct ClusterBench: Sendable {
    let redis: RedisPeers
    let time: ManualTimeSource
    let store: SQLiteStore
    let instances: [TestInstance]

    /// Runs `body` when all of them are members.
    static func run(_ ids: [String], _ body: @Sendable (ClusterBench) async throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            let time = ManualTimeSource()
            let store = try await SQLiteStore.open(directory: directory, time: time)
            let result: Result<Void, any Error>
            do {
                try await RedisPeers.run(time: time) { redis in
                    let instances = try ids.map { try TestInstance($0, redis.server.address, store: store, time: time) }
                    let bench = ClusterBench(redis: redis, time: time, store: store, instances: instances)
                    try await bench.use(body)
                }
                result = .success(())
            } catch {
                result = .failure(error)
            }
            await store.close()
            try result.get()
        }
    }

    private func use(_ body: @Sendable (ClusterBench) async throws -> Void) async throws {
        let result: Result<Void, any Error>
        do {
            for instance in instances {
                try await instance.start()
                try await redis.holdLease(ofMember: instance.name)
            }
            try await body(self)
            result = .success(())
        } catch {
            result = .failure(error)
        }
        for instance in instances { await instance.close(time) }
        try result.get()
    }

    /// Makes a session in a room of its own.
    func makeSession(_ id: String, user: String = "ann") async throws {
        let now = time.now
        let room = Room.new(id: "room_\(id)", userID: user, at: now)
        let session = Session(
            id: id,
            userID: user,
            roomID: room.id,
            createdAt: now,
            lastActivity: now,
            expiresAt: now + .seconds(3600)
        )
        try await store.createSession(session, newRoom: room, roomLimit: 1000)
    }

    // MARK: Connections

    /// Cuts an instance's connections. As long as the clock stands still it does not connect again.
    func cut(_ instance: TestInstance) async throws {
        for client in try await connections(of: instance) {
            try await redis.ask(["CLIENT", "KILL", "ID", .text(client["id"] ?? "")])
        }
        try await wait { await !instance.isConnected }
    }

    /// What `CLIENT LIST` says of each.
    func connections(of instance: TestInstance) async throws -> [[Substring: String]] {
        let list = try await redis.ask(["CLIENT", "LIST"]).text ?? ""
        let clients = list.split(separator: "\n").map { line in
            let fields = line.split(separator: " ").map { $0.split(separator: "=", maxSplits: 1) }
            return Dictionary(fields.map { ($0[0], $0.count > 1 ? String($0[1]) : "") }) { first, _ in first }
        }
        return clients.filter { $0["name"] == instance.id }
    }

    // MARK: Time

    /// Moves the clock, and returns when all have done what is due, short of what they wait for.
    func advance(milliseconds: Int) async throws {
        time.advance(by: .milliseconds(milliseconds))
        for _ in 0..<3 {
            for instance in instances { await instance.loop.barrier() }
            try await redis.settle()
        }
    }

    /// Moves the clock a little, again and again, until it is so; fails when it is not in two minutes of that clock.
    func eventually(_ isSo: () async throws -> Bool) async throws {
        for _ in 0..<1200 {
            if try await isSo() { return }
            try await advance(milliseconds: 100)
        }
        throw WaitedInVain()
    }

    /// Returns when others can read all that there is of a stream.
    func waitUntilTold(_ stream: LiveStream) async throws {
        try await eventually { try await redis.copy(of: stream.id)?.next == stream.log.eventCount }
    }
}
