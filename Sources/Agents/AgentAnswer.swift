import Primitives

/// An answer in the making, asked for piece by piece. Nothing in it waits or blocks: thousands of answers are made on one
/// thread, and a piece that costs no more than its text is what lets them.
///
/// It is not `Sendable`: it is confined to the loop that asks it. It holds no task of its own; to give it up is to let go of it.
package protocol AgentAnswer: AnyObject {
    /// Appends the UTF-8 text of the next piece to `piece`, which is otherwise left as it is, if there is one by now.
    ///
    /// A piece is never empty and never ends inside a character. After `.ended`, or an error, it is not asked again.
    ///
    /// - Throws: `AgentError`. The answer has ended then.
    func next(appendingTo piece: inout [UInt8]) throws -> AgentProgress

    /// What the agent tells about the answer, as far as it got: `model`, `tokens_used`, …
    var metadata: JSONObject { get }

    /// Where that lies which the next piece is made of, besides the answer itself; nothing, where the agent has no idea.
    var hint: CacheHint { get }
}

extension AgentAnswer {
    package var hint: CacheHint { CacheHint() }
}

/// How far an answer is.
package enum AgentProgress: Sendable, Equatable {
    /// A piece was appended. The next one may be there already.
    case piece
    /// Something besides the answer's text is told. The next piece may be there already.
    case event(AgentEvent)
    /// The next piece will be there at that time of the agent's clock, in nanoseconds, or when the agent says so by `wake`,
    /// whichever is first; `.max`: only then.
    case waiting(until: Int64)
    /// The answer is complete.
    case ended
}
