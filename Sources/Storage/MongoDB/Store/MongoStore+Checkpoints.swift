import Primitives

extension MongoStore {
    package var storesWholeTexts: Bool { true }

    /// In portions that a server takes well within the time that an operation has.
    package func checkpoint(_ checkpoint: Checkpoint) async throws(StoreError) {
        let parts = checkpoint.parts.filter { checkpoint[$0].count <= Checkpoint.textLimit }
        for portion in parts.portions(ofAtMost: 200, weight: { checkpoint[$0].count }) {
            try await pool.run { connection throws(MongoError) in try connection.saveTexts(portion, of: checkpoint) }
        }
    }

    /// There are none.
    package func forgetParts(before time: Int64) {}

    @discardableResult
    package func recordHeartbeats(
        of streamIDs: [String],
        instanceID: String,
        at time: Timestamp
    ) async throws(StoreError) -> [String] {
        var ended: [String] = []
        for portion in streamIDs.portions(ofAtMost: 1000) {
            ended += try await pool.run { connection throws(MongoError) in
                try connection.saveHeartbeats(of: portion, instanceID: instanceID, at: time)
            }
        }
        return ended
    }
}

extension Array {
    private static var largestWeight: Int { 2 << 20 }

    /// In their order, in portions of at most `limit` and, where that is more than one, 2 MiB: each is stored for itself, so
    /// that others need not wait for all of them.
    fileprivate func portions(ofAtMost limit: Int, weight: (Element) -> Int = { _ in 0 }) -> [[Element]] {
        var portions: [[Element]] = []
        var total = 0
        for element in self {
            total += weight(element)
            if let last = portions.last, last.count < limit, total <= Self.largestWeight {
                portions[portions.count - 1].append(element)
            } else {
                portions.append([element])
                total = weight(element)
            }
        }
        return portions
    }
}

extension MongoConnection {
    fileprivate func saveTexts(_ parts: [Checkpoint.Part], of checkpoint: Checkpoint) throws(MongoError) {
        _ = try write(MongoSchema.conversations) { bulk throws(MongoError) in
            for part in parts {
                let text = String(decoding: checkpoint[part], as: UTF8.self)
                try bulk.update(
                    .runningConversation(id: part.conversationID, streamID: part.streamID),
                    .change(set: ["agent_response": .string(text)])
                )
            }
        }
    }

    /// - Returns: streams whose answers do not run any more.
    fileprivate func saveHeartbeats(
        of streamIDs: [String],
        instanceID: String,
        at time: Timestamp
    ) throws(MongoError) -> [String] {
        let result = try write(MongoSchema.streams) { bulk throws(MongoError) in
            try bulk.update(
                ["stream_id": .anyOf(streamIDs)],
                .change(set: ["last_heartbeat": .date(time)]),
                all: true
            )
        }
        guard result.matched < streamIDs.count else { return [] }
        return try restoreRecords(of: streamIDs, instanceID: instanceID, at: time)
    }

    /// Inserts the records that are not there, of answers that still run. The server removes records when nobody could tell
    /// it of a heartbeat for five minutes.
    ///
    /// - Returns: streams whose answers do not run any more.
    private func restoreRecords(
        of streams: [String],
        instanceID: String,
        at time: Timestamp
    ) throws(MongoError) -> [String] {
        let recorded = Set(try streamIDs(["stream_id": .anyOf(streams)]))
        let missing = streams.filter { !recorded.contains($0) }
        guard !missing.isEmpty else { return [] }
        var running: [String: Conversation] = [:]
        try find(
            MongoSchema.conversations,
            ["stream_id": .anyOf(missing), "status": "streaming"],
            options: ["projection": ["agent_response": 0, "user_input": 0]]
        ) { view throws(MongoError) in
            guard let conversation = Conversation.readable(view), let id = conversation.streamID else { return }
            running[id] = conversation
        }
        _ = try write(MongoSchema.streams) { bulk throws(MongoError) in
            for id in missing {
                guard let conversation = running[id] else { continue }
                let record = ActiveStream(
                    id: id,
                    sessionID: conversation.sessionID,
                    roomID: conversation.roomID,
                    userID: conversation.userID,
                    agentType: conversation.agentType,
                    instanceID: instanceID,
                    startedAt: conversation.timestamp,
                    lastHeartbeat: time
                )
                try bulk.insert(record.document)
            }
        }
        return missing.filter { running[$0] == nil }
    }
}
