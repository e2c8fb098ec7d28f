import Primitives

/// An answer that fails before its first piece.
final class RejectedAnswer: AgentAnswer {
    private let error: AgentError

    init(error: AgentError) {
        self.error = error
    }

    func next(appendingTo piece: inout [UInt8]) throws -> AgentProgress {
        throw error
    }

    var metadata: JSONObject { [:] }
}
