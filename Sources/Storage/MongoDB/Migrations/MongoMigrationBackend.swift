import Primitives

/// Migrations of a MongoDB database, by any number of runners on any machines.
///
/// The server has no transactions for schemas: a step that is interrupted has done a part, which its record shows, and is
/// run again.
package final class MongoMigrationBackend: MigrationBackend {
    package let isTransactional = false
    package let place: String
    private let pool: MongoClientPool
    private let leasePool: MongoClientPool
    private let leaseDuration: Duration
    private var lease: MongoLease?

    /// Connects when it is first used.
    ///
    /// - Parameter leaseDuration: how long the lock outlives a runner that dies.
    /// - Throws: `.failed` for a connection string that is none.
    package init(_ options: MongoOptions, leaseDuration: Duration = .seconds(60)) throws(StoreError) {
        place = "mongodb database \(options.database)"
        self.leaseDuration = leaseDuration
        var patient = options
        patient.poolSize = 1
        patient.serverSelectionMilliseconds = 5000
        patient.connectMilliseconds = 5000
        patient.socketMilliseconds = 10_000
        leasePool = try MongoClientPool(patient)
        // An index over a large collection takes hours.
        patient.socketMilliseconds = 86_400_000
        pool = try MongoClientPool(patient)
    }

    deinit {
        unlock()
        for each in [pool, leasePool] {
            each.close()
            each.waitUntilFinished()
        }
    }

    package func records() throws(StoreError) -> [MigrationRecord] {
        try pool.wait { connection throws(MongoError) in try connection.migrationRecords() }
    }

    package func lock() throws(StoreError) {
        lease = try MongoLease.take(leasePool, for: leaseDuration)
    }

    package func unlock() {
        lease?.release()
        lease = nil
    }

    package func breakLock() throws(StoreError) -> Bool {
        try MongoLease.breakAny(leasePool)
    }

    // MARK: A step

    package func begin(_ record: MigrationRecord) throws(StoreError) -> MigrationRecord {
        let token = try renewedToken()
        return try pool.wait { connection throws(MongoError) in
            var record = record
            let last = try connection.migrationRecords().last?.run ?? 0
            guard last < Int.max else {
                throw .store(StoreError(.failed, "schema_migrations has a run of number \(last)"))
            }
            record.run = last + 1
            try connection.insert(record, token: token)
            return record
        }
    }

    package func run(
        _ statements: [String],
        of record: MigrationRecord,
        time: any TimeSource
    ) throws(StoreError) -> MigrationRecord {
        for statement in statements {
            let change = try MongoSchemaChange(statement)
            _ = try renewedToken()
            try pool.wait { connection throws(MongoError) in try connection.apply(change) }
        }
        var record = record
        record.endedAt = time.now
        try end(record)
        return record
    }

    package func end(_ record: MigrationRecord) throws(StoreError) {
        let token = try renewedToken()
        try pool.wait { connection throws(MongoError) in try connection.complete(record, token: token) }
    }

    private func renewedToken() throws(StoreError) -> Int64 {
        guard let lease else { throw StoreError(.failed, "migrate: the lock is not held") }
        try lease.renew()
        return lease.token
    }

    // MARK: What is there

    package func differences(from migrations: [Migration]) throws(StoreError) -> [String] {
        var differences: [String] = []
        for (collection, wanted) in try Self.schema(of: migrations).sorted(by: { $0.key < $1.key }) {
            let existing = try pool.wait { connection throws(MongoError) in try connection.indexes(of: collection) }
            guard let existing else {
                differences.append("collection \(collection) is missing")
                continue
            }
            for index in MongoIndexChanges(wanted: wanted, existing: existing).created {
                let isThere = existing.contains { $0.name == index.name }
                differences.append("index \(collection).\(index.name) is \(isThere ? "another" : "missing")")
            }
        }
        return differences
    }

    /// The collections that the steps leave, with their indexes.
    static func schema(of migrations: [Migration]) throws(StoreError) -> [String: [MongoIndexDescription]] {
        var schema: [String: [MongoIndexDescription]] = [:]
        for statement in migrations.flatMap(\.up) {
            switch try MongoSchemaChange(statement) {
            case .create(let collection): schema[collection, default: []] += []
            case .createIndexes(let collection, let indexes): schema[collection, default: []] += indexes
            case .dropIndexes(let collection, let names): schema[collection]?.removeAll { names.contains($0.name) }
            case .drop(let collection): schema[collection] = nil
            }
        }
        return schema
    }
}

extension MongoClientPool {
    /// Runs `body` on one of the pool's threads while the calling thread waits: not for tasks.
    func wait<Value: Sendable>(
        _ body: @escaping @Sendable (borrowing MongoConnection) throws(MongoError) -> Value
    ) throws(StoreError) -> Value {
        let answer = JobQueue<Result<Value, StoreError>>()
        let isAdded = add { connection in
            do throws(MongoError) {
                _ = answer.add(.success(try body(connection)))
                return false
            } catch {
                _ = answer.add(.failure(error.storeError))
                return error.storeError.code == .unavailable
            }
        } refuse: { error in
            _ = answer.add(.failure(error))
        }
        guard isAdded, let result = answer.take() else { throw .storeClosed }
        return try result.get()
    }
}
