import Primitives

extension MongoStore {
    /// Heartbeats first: an instance whose texts take long is not dead. Both in portions that a server takes well within the
    /// time that an operation has.
    @discardableResult
    package func checkpoint(_ checkpoints: [Checkpoint]) async throws(StoreError) -> [String] {
        var ended: [String] = []
        for portion in checkpoints.filter({ $0.heartbeat != nil }).portions(ofAtMost: 1000) {
            ended += try await pool.run { connection throws(MongoError) in try connection.saveHeartbeats(portion) }
        }
        let texts = checkpoints.filter { ($0.agentResponse?.utf8.count ?? .max) <= Checkpoint.textLimit }
        for portion in texts.portions(ofAtMost: 200) {
            try await pool.run { connection throws(MongoError) in try connection.saveTexts(portion) }
        }
        return ended
    }
}

extension MongoConnection {
    fileprivate func saveTexts(_ checkpoints: [Checkpoint]) throws(MongoError) {
        _ = try write(MongoSchema.conversations) { bulk throws(MongoError) in
            for checkpoint in checkpoints {
                try bulk.update(
                    .runningConversation(id: checkpoint.conversationID, streamID: checkpoint.streamID),
                    .change(set: ["agent_response": .optional(checkpoint.agentResponse)])
                )
            }
        }
    }

    /// One update for all that have the same time.
    ///
    /// - Returns: streams whose answers do not run any more.
    fileprivate func saveHeartbeats(_ checkpoints: [Checkpoint]) throws(MongoError) -> [String] {
        let byTime = Dictionary(grouping: checkpoints, by: \.heartbeat)
        let result = try write(MongoSchema.streams) { bulk throws(MongoError) in
            for (time, beating) in byTime {
                try bulk.update(
                    ["stream_id": .anyOf(beating.map(\.streamID))],
                    .change(set: ["last_heartbeat": .optional(time)]),
                    all: true
                )
            }
        }
        return result.matched < checkpoints.count ? try restoreRecords(of: checkpoints) : []
    }

    /// Inserts the records that are not there, of answers that still run. The server removes records when nobody could tell
    /// it of a heartbeat for five minutes.
    ///
    /// - Returns: streams whose answers do not run any more.
    private func restoreRecords(of checkpoints: [Checkpoint]) throws(MongoError) -> [String] {
        let recorded = Set(try streamIDs(["stream_id": .anyOf(checkpoints.map(\.streamID))]))
        let missing = checkpoints.filter { !recorded.contains($0.streamID) }
        guard !missing.isEmpty else { return [] }
        var running: [String: Conversation] = [:]
        try find(
            MongoSchema.conversations,
            ["stream_id": .anyOf(missing.map(\.streamID)), "status": "streaming"],
            options: ["projection": ["agent_response": 0, "user_input": 0]]
        ) { view throws(MongoError) in
            guard let conversation = Conversation.readable(view), let id = conversation.streamID else { return }
            running[id] = conversation
        }
        _ = try write(MongoSchema.streams) { bulk throws(MongoError) in
            for checkpoint in missing {
                guard let conversation = running[checkpoint.streamID], let time = checkpoint.heartbeat else { continue }
                let record = ActiveStream(
                    id: checkpoint.streamID,
                    sessionID: conversation.sessionID,
                    roomID: conversation.roomID,
                    userID: conversation.userID,
                    agentType: conversation.agentType,
                    instanceID: checkpoint.instanceID,
                    startedAt: conversation.timestamp,
                    lastHeartbeat: time
                )
                try bulk.insert(record.document)
            }
        }
        return missing.map(\.streamID).filter { running[$0] == nil }
    }
}
