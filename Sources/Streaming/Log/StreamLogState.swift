import HTTPServer

/// What a log's lock protects, and where a reader may go in it: no I/O, no locking.
struct StreamLogState {
    enum Phase {
        case open
        /// Stopped by the user: only the terminal event is to come, and no other event is shown any more.
        case sealed
        /// Ended after a stop.
        case stopped
        /// Ended by itself.
        case ended
    }

    /// What is held of the events, oldest first.
    private(set) var segments: [LogSegment] = []
    /// Where each event that is held begins. The place in the list and `firstSequence` make its sequence number.
    private(set) var starts: [UInt32] = []
    /// How many events are no longer held: the sequence number of the first that is.
    private(set) var firstSequence = 0
    /// All that was ever written.
    private(set) var byteCount = 0
    /// Events further back than that many bytes are let go, to within a segment. What readers have not read is no exception.
    private var retainedLimit: Int
    var phase = Phase.open
    /// The text that the events add up to, in UTF-8.
    var answer: [UInt8] = []
    var watchers: [LoopWatchers] = []

    /// Segments grow with the log, as most answers are short: of what it takes, about a third at most is unused.
    private static let smallestSegment = 512
    private static let largestSegment = 65_536

    init(retainedLimit: Int) {
        self.retainedLimit = retainedLimit
    }

    var hasEnded: Bool { phase == .ended || phase == .stopped }

    var eventCount: Int { firstSequence + starts.count }

    /// Where what is held begins.
    var firstByte: Int { segments.first?.start ?? 0 }

    /// Appends one event. No event lies across two segments. Behind the last one no room is kept.
    mutating func write(_ event: [UInt8], isLast: Bool = false) {
        let room = segments.last.map { $0.start + $0.capacity - byteCount } ?? 0
        if room < event.count {
            let usual = min(max((byteCount - firstByte) / 2, Self.smallestSegment), Self.largestSegment)
            segments.append(LogSegment(start: byteCount, capacity: isLast ? event.count : max(usual, event.count)))
            trim()
        }
        segments[segments.count - 1].write(event, at: byteCount)
        starts.append(UInt32(byteCount))
        byteCount += event.count
    }

    /// Lets go of the oldest events beyond that many bytes, now and from now on.
    mutating func retain(atMost limit: Int) {
        retainedLimit = limit
        trim()
    }

    /// By whole segments; the last one, with the newest events, always stays.
    private mutating func trim() {
        let gone = segments.dropFirst().prefix { byteCount - $0.start > retainedLimit }.count
        guard gone > 0 else { return }
        segments.removeFirst(gone)
        let events = firstEvent(from: firstByte)
        starts.removeFirst(events)
        firstSequence += events
    }

    /// How far a reader at `cursor` may read, and what is to be said to it when it has. Moves the cursor to the terminal
    /// event where a stop has hidden those before it; a reader in the middle of an event first finishes that one.
    func readableEnd(from cursor: inout Int) -> (end: Int, whenRead: BodyState) {
        switch phase {
        case .open: return (byteCount, .waiting)
        case .ended: return (byteCount, .finished)
        case .sealed: return (boundary(from: cursor), .waiting)
        case .stopped:
            let terminal = Int(starts[starts.count - 1])
            let boundary = boundary(from: cursor)
            if boundary == cursor { cursor = max(cursor, terminal) }
            return cursor < terminal ? (boundary, .more) : (byteCount, .finished)
        }
    }

    /// `cursor`, where an event begins there, else the end of the event that it is in.
    func boundary(from cursor: Int) -> Int {
        start(ofEvent: firstEvent(from: cursor))
    }

    /// Where the event at that place in `starts` begins; one past the last is a place too.
    func start(ofEvent index: Int) -> Int {
        index < starts.count ? Int(starts[index]) : byteCount
    }

    /// The event that holds `place`: where the payload of its chunk lies, and where it ends, framing included.
    func event(at place: Int) -> (payload: Range<Int>, end: Int) {
        let next = firstEvent(from: place + 1)
        let (start, end) = (Int(starts[next - 1]), start(ofEvent: next))
        let chunk = segments[segment(at: start)].view(start..<end)
        let sizeLine = (chunk.firstIndex(of: UInt8(ascii: "\n")) ?? -1) + 1
        return (start + sizeLine..<end - 2, end)
    }

    /// The first event that begins at `place` or behind it, by bisection.
    private func firstEvent(from place: Int) -> Int {
        var (low, high) = (0, starts.count)
        while low < high {
            let middle = (low + high) / 2
            if Int(starts[middle]) < place { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The segment that holds `place`. From the back: most readers are near the end.
    func segment(at place: Int) -> Int {
        segments.lastIndex { $0.start <= place } ?? 0
    }

    func end(ofSegment index: Int) -> Int {
        index + 1 < segments.count ? segments[index + 1].start : byteCount
    }
}
