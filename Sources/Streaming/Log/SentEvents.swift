/// How many events a reader has been sent, without a walk from one to the next: the log knows the number of each end that it offers, and
/// what the reader has not been sent to that end is counted with a later one.
struct SentEvents {
    /// The number of the first event that is not counted.
    private var sequence: Int
    /// How far the reader was last offered the log, in bytes, and the number of the event that begins there.
    private var end = -1
    private var endSequence = 0

    /// - Parameter sequence: the number of the first event that is sent.
    init(from sequence: Int = 0) {
        self.sequence = sequence
    }

    /// The reader may read up to `cursor`, where it did not know of that.
    mutating func offer(_ cursor: Int, in state: StreamLogState) {
        guard cursor != end, let sequence = state.eventCount(before: cursor) else { return }
        (end, endSequence) = (cursor, sequence)
    }

    /// The events from `cursor` to the terminal one are hidden from the reader.
    mutating func skip(from cursor: Int, in state: StreamLogState) {
        let uncounted = (state.eventCount(before: cursor) ?? sequence) - sequence
        sequence = state.eventCount - 1 - uncounted
    }

    /// Takes what is to be counted for a reader that has been sent all up to `cursor`.
    mutating func take(upTo cursor: Int) -> Int {
        guard cursor == end else { return 0 }
        return take(upToSequence: endSequence)
    }

    /// Takes what is to be counted for a reader that has been sent all before the event of that number.
    mutating func take(upToSequence next: Int) -> Int {
        defer { sequence = next }
        return next - sequence
    }
}
