import Primitives

/// The collection `schema_migrations`. Documents that are not this program's are left alone.
extension MongoConnection {
    private static var migrations: String { "schema_migrations" }

    /// All of them, oldest first.
    func migrationRecords() throws(MongoError) -> [MigrationRecord] {
        var records: [MigrationRecord] = []
        try find(Self.migrations, [:]) { view throws(MongoError) in
            guard let run = view.optionalInteger("_id"), let number = view.optionalInteger("number") else { return }
            var record = MigrationRecord(
                number: number,
                name: try view.string("name"),
                checksum: try view.string("checksum"),
                direction: try view.string("direction") == "down" ? .down : .up,
                startedAt: try view.date("started_at"),
                endedAt: view.optionalDate("ended_at"),
                host: view.optionalString("host") ?? "",
                version: view.optionalString("version") ?? "",
                error: view.optionalString("error")
            )
            record.run = run
            record.isStamp = view.optionalBool("stamped") ?? false
            records.append(record)
        }
        return records.sorted { $0.run < $1.run }
    }

    /// The run is the document's id, so that of two runners who both think they have the lock only one can go on.
    ///
    /// - Throws: `.inUse` when there is such a run already.
    func insert(_ record: MigrationRecord, token: Int64) throws(MongoError) {
        let result = try write(Self.migrations) { bulk throws(MongoError) in
            try bulk.insert([
                "_id": .int64(Int64(record.run)),
                "number": .int64(Int64(record.number)),
                "name": .string(record.name),
                "checksum": .string(record.checksum),
                "direction": .string(record.direction.rawValue),
                "started_at": .date(record.startedAt),
                "ended_at": .optional(record.endedAt),
                "host": .string(record.host),
                "version": .string(record.version),
                "error": .optional(record.error),
                "stamped": .bool(record.isStamp),
                "token": .int64(token),
            ])
        }
        guard let error = result.errors.first else { return }
        throw .store(error.isDuplicate ? .lostLock : error.storeError)
    }

    /// - Throws: `.inUse` when the run is another runner's.
    func complete(_ record: MigrationRecord, token: Int64) throws(MongoError) {
        let result = try write(Self.migrations) { bulk throws(MongoError) in
            try bulk.update(
                ["_id": .int64(Int64(record.run)), "token": .int64(token)],
                ["$set": ["ended_at": .optional(record.endedAt), "error": .optional(record.error)]]
            )
        }
        if let error = result.errors.first { throw .store(error.storeError) }
        guard result.matched == 1 else { throw .store(.lostLock) }
    }
}

extension StoreError {
    static var lostLock: StoreError {
        StoreError(.inUse, "migrate: the lock ran out, and another runner has taken it")
    }
}
