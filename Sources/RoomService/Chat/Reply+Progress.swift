import Primitives

extension Reply {
    /// What is measured while an answer is made. Times are monotonic, in nanoseconds.
    struct Progress {
        private(set) var chunks = 0
        /// Events besides those of the answer's text, the first and the last one aside.
        private(set) var otherEvents = 0
        /// Of the answer's text.
        private(set) var byteCount = 0
        private let startedAt: Int64
        private var firstChunkAt: Int64?

        init(startedAt: Int64) {
            self.startedAt = startedAt
        }

        mutating func didAppend(_ count: Int, at now: Int64) {
            byteCount += count
            if chunks == 0 { firstChunkAt = now }
            chunks += 1
        }

        mutating func didAppendEvent() {
            otherEvents += 1
        }

        /// From the start to the first of the answer's text, if that has come.
        var firstTokenTime: Int64? { firstChunkAt.map { $0 - startedAt } }

        /// From the start to `now`.
        func time(at now: Int64) -> Int64 { now - startedAt }

        /// What is stored with the conversation: what was measured, and what else the agent tells. That clients can
        /// resume the answer hangs on `chunks` and `other_events`.
        func metadata(_ agentMetadata: JSONObject, now: Int64) -> JSONObject {
            var metadata: JSONObject = ["response_time_ms": .integer(time(at: now) / 1_000_000)]
            if let firstTokenTime { metadata["first_token_ms"] = .integer(firstTokenTime / 1_000_000) }
            metadata["chunks"] = .integer(Int64(chunks))
            if otherEvents > 0 { metadata["other_events"] = .integer(Int64(otherEvents)) }
            for member in agentMetadata.members where metadata[member.key] == nil {
                metadata[member.key] = member.value
            }
            return metadata
        }
    }
}
