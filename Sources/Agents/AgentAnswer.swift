import Primitives

/// An answer in the making, pulled piece by piece.
///
/// It is not `Sendable`: it is confined to the one task that pulls it. It holds no task of its own; to give it up is to
/// cancel that task, or to let go of the answer.
package protocol AgentAnswer: AnyObject {
    /// Waits for the next piece and appends its UTF-8 text to `piece`, which is otherwise left as it is.
    ///
    /// A piece is never empty and never ends inside a character. A call need not suspend: who pulls many answers on one
    /// thread must see to it that one of them does not starve the others.
    ///
    /// - Returns: false when the answer is complete; nothing has been appended then.
    /// - Throws: `AgentError`; `CancellationError`, at once, when the task is cancelled. The answer has ended then.
    func next(appendingTo piece: inout [UInt8]) async throws -> Bool

    /// What the agent tells about the answer, as far as it got: `model`, `tokens_used`, …
    var metadata: JSONObject { get }
}
