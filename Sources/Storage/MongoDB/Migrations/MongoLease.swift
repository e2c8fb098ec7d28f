import Dispatch
import Glibc
import Primitives

/// The lock of a database's migrations: a document that names its holder until a time by the server's clock, and that the
/// holder renews. Who finds it expired takes it over; a token that grows with each holder tells them apart.
///
/// The document stays when the lock is free, as it has the last token.
final class MongoLease: Sendable {
    static let collection = "schema_migrations_lock"
    static var id: BSONValue { "lock" }

    let token: Int64
    private let pool: MongoClientPool
    private let duration: Duration
    private let isReleased = DispatchSemaphore(value: 0)

    private init(token: Int64, pool: MongoClientPool, duration: Duration) {
        self.token = token
        self.pool = pool
        self.duration = duration
    }

    /// Takes the lock, and has a thread renew it three times in each `duration`.
    ///
    /// - Parameter pool: with a connection of its own, so that no long command holds up the renewal.
    /// - Throws: `.inUse` when another has it.
    static func take(_ pool: MongoClientPool, for duration: Duration) throws(StoreError) -> MongoLease {
        let token = try pool.wait { connection throws(MongoError) in try connection.takeLease(for: duration) }
        let lease = MongoLease(token: token, pool: pool, duration: duration)
        do throws(StoreError) {
            try StoreThread.start(name: "migration-lease") { lease.renewUntilReleased() }
        } catch {
            lease.release()
            throw error
        }
        return lease
    }

    private func renewUntilReleased() {
        let interval = DispatchTimeInterval.nanoseconds(Int(duration.wholeNanoseconds / 3))
        while isReleased.wait(timeout: .now() + interval) == .timedOut {
            // A server that is away may be back before the lease runs out. If it is not, the runner finds out itself.
            try? renew()
        }
    }

    /// To be called before each thing that only the holder may do.
    ///
    /// - Throws: `.inUse` when the lock is another's by now.
    func renew() throws(StoreError) {
        let (token, duration) = (token, duration)
        let isOurs = try pool.wait { connection throws(MongoError) in
            let until = try connection.serverTime() + duration
            return try connection.findAndUpdate(
                Self.collection,
                ["_id": Self.id, "token": .int64(token)],
                ["$set": ["expires_at": .date(until)]]
            ) { _ in true }
        }
        guard isOurs == true else { throw .lostLock }
    }

    func release() {
        isReleased.signal()
        let token = token
        // If this fails, the lock runs out.
        try? pool.wait { connection throws(MongoError) in try connection.freeLease(of: token) }
    }

    /// Frees the lock, whoever has it. Its holder then cannot go on.
    ///
    /// - Returns: false when nobody had it.
    static func breakAny(_ pool: MongoClientPool) throws(StoreError) -> Bool {
        try pool.wait { connection throws(MongoError) in
            let now = try connection.serverTime()
            // Also what is no lock of this program's form is freed, as nobody could take it.
            let token = try connection.findOne(collection, ["_id": id]) { lock -> Int? in
                let isFree = (lock.optionalDate("expires_at") ?? now + .seconds(1)) <= now
                return isFree ? nil : lock.optionalInteger("token") ?? Int(now.milliseconds)
            }
            guard let token = token ?? nil else { return false }
            return try connection.findAndUpdate(
                collection,
                ["_id": id],
                ["$set": ["expires_at": .date(Timestamp(milliseconds: 0)), "token": .int64(Int64(token) &+ 1)]]
            ) { _ in true } ?? false
        }
    }
}

extension MongoConnection {
    /// By which all runners judge the lease, as their own clocks may differ.
    fileprivate func serverTime() throws(MongoError) -> Timestamp {
        try command("hello", ["hello": 1]) { reply throws(MongoError) in try reply.date("localTime") }
    }

    /// - Returns: the token.
    fileprivate func takeLease(for duration: Duration) throws(MongoError) -> Int64 {
        if try findOne(MongoLease.collection, ["_id": MongoLease.id], { _ in true }) == nil {
            // Whose comes second is refused, which is as good.
            _ = try write(MongoLease.collection) { bulk throws(MongoError) in
                try bulk.insert([
                    "_id": MongoLease.id, "token": .int64(0), "expires_at": .date(Timestamp(milliseconds: 0)),
                ])
            }
        }
        // Read before the comparison is made, so that the lease of another looks longer rather than shorter.
        let now = try serverTime()
        let change: BSONDocument = [
            "$inc": ["token": .int64(1)],
            "$set": [
                "expires_at": .date(now + duration), "taken_at": .date(now),
                "host": .string(MigrationRecord.thisHost), "process": .int64(Int64(getpid())),
            ],
        ]
        let token = try findAndUpdate(
            MongoLease.collection,
            ["_id": MongoLease.id, "expires_at": ["$lte": .date(now)]],
            change
        ) { taken throws(MongoError) in try taken.integer("token") }
        guard let token else { throw .store(try heldError()) }
        return Int64(token)
    }

    fileprivate func freeLease(of token: Int64) throws(MongoError) {
        _ = try write(MongoLease.collection) { bulk throws(MongoError) in
            try bulk.update(
                ["_id": MongoLease.id, "token": .int64(token)],
                ["$set": ["expires_at": .date(Timestamp(milliseconds: 0))]]
            )
        }
    }

    private func heldError() throws(MongoError) -> StoreError {
        let holder = try findOne(MongoLease.collection, ["_id": MongoLease.id]) { lock in
            """
            by process \(lock.optionalInteger("process") ?? 0) on \(lock.optionalString("host") ?? "another machine"), \
            and runs out at \(lock.optionalDate("expires_at")?.description ?? "an unknown time")
            """
        }
        return StoreError(
            .inUse,
            "lock: the migrations are locked \(holder ?? ""); if that runner is dead: Migrations unlock --force"
        )
    }
}
