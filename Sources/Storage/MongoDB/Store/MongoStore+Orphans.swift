import Primitives

extension MongoStore {
    /// How often running answers without any record are looked for: that is a look at all running ones, and they come only
    /// of a time in which no instance ran.
    private static let sweepInterval = Duration.seconds(60)

    /// Later than any heartbeat.
    private static let endOfTime = Timestamp(milliseconds: 253_402_300_799_000)

    /// Also goes on with deletions of rooms that a crash broke off.
    package func interruptOrphans(
        notOf instanceID: String,
        staleBefore: Timestamp?,
        at time: Timestamp
    ) async throws(StoreError) -> Int {
        let sweeps = lastSweep.withLock { last in last.map { time.since($0) >= Self.sweepInterval } ?? true }
        let limit = staleBefore ?? Self.endOfTime
        let stale: BSONDocument.Maker = {
            ["last_heartbeat": ["$lt": .date(limit)], "instance_id": .isNot(.string(instanceID))]
        }
        let count = try await pool.run { connection throws(MongoError) in
            try connection.purgeDeletedRooms(["purge_pending": true, "is_deleted": true])
            let streams = try connection.streamIDs(stale())
            var orphans = try connection.runningConversations(["stream_id": .anyOf(streams)])
            if sweeps { orphans += try connection.unrecordedConversations(startedBefore: limit) }
            let count = try connection.interrupt(orphans, at: time)
            if !streams.isEmpty {
                let remaining = stale().append("stream_id", .anyOf(streams))
                _ = try connection.write(MongoSchema.streams) { bulk throws(MongoError) in
                    try bulk.removeAll(remaining)
                }
            }
            return count
        }
        if sweeps { lastSweep.withLock { $0 = time } }
        return count
    }
}

extension BSONDocument {
    /// Makes a document on the thread that uses it.
    fileprivate typealias Maker = @Sendable () -> BSONDocument
}

/// A running conversation that no instance runs.
private struct MongoOrphan {
    var streamID: String
    var roomID: String
}

extension MongoConnection {
    fileprivate func purgeDeletedRooms(_ filter: BSONDocument) throws(MongoError) {
        var rooms: [String] = []
        try find(MongoSchema.rooms, filter, options: ["projection": ["room_id": 1]]) { view throws(MongoError) in
            if let id = view.optionalString("room_id") { rooms.append(id) }
        }
        _ = try purge(rooms: rooms)
    }

    func streamIDs(_ filter: BSONDocument) throws(MongoError) -> [String] {
        var ids: [String] = []
        try find(MongoSchema.streams, filter, options: ["projection": ["stream_id": 1]]) { view throws(MongoError) in
            if let id = view.optionalString("stream_id") { ids.append(id) }
        }
        return ids
    }

    fileprivate func runningConversations(_ filter: BSONDocument) throws(MongoError) -> [MongoOrphan] {
        var running: [MongoOrphan] = []
        try find(
            MongoSchema.conversations,
            filter.append("status", "streaming"),
            options: ["projection": ["stream_id": 1, "room_id": 1]]
        ) { view throws(MongoError) in
            guard let stream = view.optionalString("stream_id") else { return }
            running.append(MongoOrphan(streamID: stream, roomID: view.optionalString("room_id") ?? ""))
        }
        return running
    }

    /// Running conversations without a record of their stream belong to nobody. The conversations are read first: one that
    /// begins meanwhile has had its record before, and one that ends meanwhile is no longer running when it is to be changed.
    fileprivate func unrecordedConversations(startedBefore limit: Timestamp) throws(MongoError) -> [MongoOrphan] {
        let running = try runningConversations(["timestamp": ["$lt": .date(limit)]])
        guard !running.isEmpty else { return [] }
        let recorded = Set(try streamIDs(["stream_id": .anyOf(running.map(\.streamID))]))
        return running.filter { !recorded.contains($0.streamID) }
    }

    /// - Returns: how many were still running.
    fileprivate func interrupt(_ orphans: [MongoOrphan], at time: Timestamp) throws(MongoError) -> Int {
        guard !orphans.isEmpty else { return 0 }
        let interrupted = try write(MongoSchema.conversations) { bulk throws(MongoError) in
            for orphan in orphans {
                try bulk.update(
                    ["stream_id": .string(orphan.streamID), "status": "streaming"],
                    .change(set: ["status": "interrupted", "ended_at": .date(time)])
                )
            }
        }.matched
        let rooms = Set(orphans.map(\.roomID))
        try touch(MongoSchema.rooms, "room_id", Dictionary(uniqueKeysWithValues: rooms.map { ($0, time) }))
        // A question whose instance died between its storing and the look at its room, which was deleted just then.
        try purgeDeletedRooms(["room_id": .anyOf(rooms), "is_deleted": true])
        try correctCounts(ofRooms: Array(rooms))
        return interrupted
    }

    /// What other programs read in the rooms, where a crash may have come before it was counted up.
    func correctCounts(ofRooms ids: [String]) throws(MongoError) {
        let contents = try contents(ofRooms: ids)
        _ = try write(MongoSchema.rooms) { bulk throws(MongoError) in
            for id in ids {
                let count = Int32(clamping: contents[id]?.count ?? 0)
                try bulk.update(["room_id": .string(id)], .change(set: ["message_count": .int32(count)]))
            }
        }
    }
}
