/// The copies of other instances' streams that the followers of one session have been told of.
struct SessionCopies {
    /// The one that whoever comes now begins with, unless it has ended.
    private(set) var newest: StreamLog?
    /// Streams, oldest first. An instance tells of a stream again when Redis has forgotten it, even one that is long over.
    private var known: [String] = []

    /// More than a session has running or retold at a time.
    private static let mostKnown = 16

    /// Takes a copy.
    ///
    /// - Returns: whether it is of a stream that followers have not been told of.
    mutating func add(_ copy: StreamLog) -> Bool {
        let isNew = !known.contains(copy.streamID)
        if isNew {
            known.append(copy.streamID)
            if known.count > Self.mostKnown { known.removeFirst() }
        }
        // A copy may be made anew; those who follow the session have seen its beginning, and resume by themselves.
        let isNewest = newest?.streamID == copy.streamID
        if isNewest || newest?.hasEnded != false || (isNew && !copy.hasEnded) { newest = copy }
        return isNew
    }
}
