import Primitives

/// What is new of the texts of running answers, many in one piece of memory: taking part of one costs no allocation.
package struct Checkpoint: Sendable {
    /// What is new of one answer.
    package struct Part: Sendable {
        package let conversationID: String
        package let streamID: String
        /// How many bytes of the answer come before it.
        package let offset: Int
        /// Whether it is all of the answer so far, and stands for all parts before it.
        package let isWhole: Bool
        /// Where it lies in `Checkpoint.text`.
        fileprivate let range: Range<Int>
    }

    /// When it was made, in monotonic nanoseconds.
    package let time: Int64
    package private(set) var parts: [Part] = []
    /// In UTF-8, one part behind the other.
    private var text: [UInt8] = []

    /// The most bytes of one answer that every store takes: MongoDB refuses documents beyond 16 MiB, and there is more in them.
    package static let textLimit = 15 << 20

    package init(time: Int64) {
        self.time = time
    }

    package var isEmpty: Bool { parts.isEmpty }

    /// All parts together, in bytes.
    package var byteCount: Int { text.count }

    package subscript(_ part: Part) -> ArraySlice<UInt8> { text[part.range] }

    /// Adds what `write` appends, all of an answer from `offset` on; nothing, when it appends nothing.
    ///
    /// - Parameters:
    ///   - offset: in bytes, between two characters.
    ///   - isWhole: whether the part is to stand for all before it; `offset` is then 0.
    /// - Returns: how long the answer is with it, in bytes.
    @discardableResult
    package mutating func add(
        conversationID: String,
        streamID: String,
        from offset: Int,
        isWhole: Bool = false,
        _ write: (inout [UInt8]) -> Void
    ) -> Int {
        let start = text.count
        write(&text)
        guard text.count > start else { return offset }
        let range = start..<text.count
        parts.append(
            Part(conversationID: conversationID, streamID: streamID, offset: offset, isWhole: isWhole, range: range)
        )
        return offset + range.count
    }
}
