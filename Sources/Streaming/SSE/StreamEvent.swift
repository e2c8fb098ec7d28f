import Primitives

/// The id of an event: which stream, and its place in it. On the wire `<stream_id>:<sequence>`.
package struct StreamEventID: Sendable, Equatable {
    package var streamID: String
    package var sequence: Int

    package init(streamID: String, sequence: Int) {
        self.streamID = streamID
        self.sequence = sequence
    }

    /// The sequence number of a terminal event where it is not known how many events came before it, as after a crash: beyond that of any
    /// other event.
    package static let unknownEnd = 1 << 31

    /// Longer numbers are no sequence of any stream, and could overflow a sum.
    private static let mostDigits = 15

    /// The id that `text` spells, or nil.
    package init?(_ text: some StringProtocol) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        guard digits.utf8.count <= Self.mostDigits, digits.utf8.allSatisfy(isDigit), let sequence = Int(digits) else {
            return nil
        }
        streamID = String(text[..<colon])
        self.sequence = sequence
        if streamID.isEmpty { return nil }
    }
}

/// How a stream can end. Each is the status of the one terminal event, and of what is stored.
package enum StreamEnd: String, Sendable, CaseIterable {
    case complete, cancelled, interrupted, error
}
