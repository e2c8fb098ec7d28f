import Primitives

/// What is new of a running answer.
package struct Checkpoint: Sendable, Equatable {
    package var conversationID: String
    package var streamID: String
    /// The instance of the service that runs it: for its record, should the store have lost that.
    package var instanceID: String
    /// The text as far as it has got; nil: as it was.
    package var agentResponse: String?
    /// The time that is to be the last heartbeat; nil: it is not due yet.
    package var heartbeat: Timestamp?

    /// The most bytes of text that every store takes: MongoDB refuses documents beyond 16 MiB, and there is more in them.
    package static let textLimit = 15 << 20

    package init(
        conversationID: String,
        streamID: String,
        instanceID: String,
        agentResponse: String?,
        heartbeat: Timestamp?
    ) {
        self.conversationID = conversationID
        self.streamID = streamID
        self.instanceID = instanceID
        self.agentResponse = agentResponse
        self.heartbeat = heartbeat
    }
}

extension [Checkpoint] {
    private static var largestWeight: Int { 2 << 20 }

    /// In their order, in portions of at most `limit` and, where that is more than one, 2 MiB of text: each is stored for itself, so
    /// that others need not wait for all of them.
    func portions(ofAtMost limit: Int) -> [[Checkpoint]] {
        var portions: [[Checkpoint]] = []
        var total = 0
        for checkpoint in self {
            let weight = checkpoint.agentResponse?.utf8.count ?? 0
            total += weight
            if let last = portions.last, last.count < limit, total <= Self.largestWeight {
                portions[portions.count - 1].append(checkpoint)
            } else {
                portions.append([checkpoint])
                total = weight
            }
        }
        return portions
    }
}
