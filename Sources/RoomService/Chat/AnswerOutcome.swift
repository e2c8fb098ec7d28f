import Primitives
import Synchronization

/// Where whoever asks is told how the answer has ended, before the stream's end is seen: what the stream itself does not hold.
final class AnswerOutcome: Sendable {
    struct Ended: Sendable {
        var end: ReplyEnd
        /// All of the answer.
        var text: String
        /// What is known of it: `tokens_used`, …
        var metadata: JSONObject
    }

    private let state = Mutex<Ended?>(nil)

    /// Nil while the answer is made.
    var ended: Ended? { state.withLock { $0 } }

    func didEnd(_ ended: Ended) { state.withLock { $0 = ended } }
}
