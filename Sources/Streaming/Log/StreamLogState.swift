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

    /// What is held of the events, oldest first. Each event is a chunk, and so says how long it is: a segment is walked from event
    /// to event, and nothing else tells where they are.
    private(set) var segments: [LogSegment] = []
    private(set) var tail = LogTail()
    /// All that was ever written.
    private(set) var byteCount = 0
    private(set) var eventCount = 0
    /// The number of the terminal event; nil while there is none.
    private(set) var terminalSequence: Int?
    /// The number of the newest event; -1 where there was none.
    var lastSequence: Int { terminalSequence ?? eventCount - 1 }
    /// Where what is held begins, and how many events are no longer held.
    private(set) var firstByte = 0
    private(set) var firstSequence = 0
    /// Where the newest event begins.
    private var newestStart = 0
    /// The memory of the segments, in bytes.
    private(set) var segmentByteCount = 0
    /// Events further back than that many bytes are let go, to within a segment. What readers have not read is no exception.
    private var retainedLimit: Int
    var phase = Phase.open
    /// Whether it was given up: nobody can read it any more.
    private(set) var isCut = false
    /// The text that the events add up to, in UTF-8.
    private(set) var answer: [UInt8] = []
    var watchers: [LoopWatchers] = []

    /// Each segment is as large as all before it, as most answers are short: of what the log takes, half at most is unused.
    private static let smallestSegment = 512
    private static let largestSegment = 65_536

    init(retainedLimit: Int) {
        self.retainedLimit = retainedLimit
    }

    /// A log that begins behind events which it never had: `answer` is what they add up to.
    init(retainedLimit: Int, answer: [UInt8], firstSequence: Int) {
        self.retainedLimit = retainedLimit
        self.answer = answer
        self.firstSequence = firstSequence
        eventCount = firstSequence
        // They count as one byte, so that their place is none that is held.
        (firstByte, byteCount, newestStart) = (1, 1, 1)
    }

    var hasEnded: Bool { phase == .ended || phase == .stopped }
    var showsAnswer: Bool { phase == .open || phase == .ended }

    /// Appends one event. No event lies across two segments.
    mutating func write(_ event: [UInt8], content: [UInt8]) {
        if tail.room < event.count {
            addSegment(min(max(byteCount - firstByte, Self.smallestSegment), Self.largestSegment), atLeast: event.count)
        }
        append(event)
        if answer.isEmpty, !content.isEmpty { answer.reserveCapacity(max(content.count, 256)) }
        answer.append(contentsOf: content)
    }

    /// Appends the terminal event. Behind it no room is kept.
    mutating func writeLast(_ event: [UInt8], sequence: Int?) {
        if tail.room < event.count { addSegment(0, atLeast: event.count) }
        append(event)
        terminalSequence = sequence ?? eventCount - 1
    }

    private mutating func append(_ event: [UInt8]) {
        tail.write(event)
        newestStart = byteCount
        byteCount += event.count
        eventCount += 1
    }

    private mutating func addSegment(_ usual: Int, atLeast needed: Int) {
        let capacity = max(usual, needed)
        let segment = LogSegment(start: byteCount, firstSequence: eventCount, capacity: capacity)
        if segments.count == 1 { segments.reserveCapacity(8) }
        segments.append(segment)
        segmentByteCount += capacity
        tail = LogTail(of: segment)
        trim()
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
        segmentByteCount -= segments[..<gone].reduce(0) { $0 + $1.capacity }
        segments.removeFirst(gone)
        firstByte = segments[0].start
        firstSequence = segments[0].firstSequence
    }

    /// Holds nothing any more, so that no reader finds its place.
    mutating func giveUp() {
        segments = []
        segmentByteCount = 0
        tail = LogTail()
        byteCount += 1
        (firstByte, newestStart, firstSequence) = (byteCount, byteCount, eventCount)
        phase = .sealed
        isCut = true
    }

    // MARK: Places

    /// How far a reader at `cursor` may read, and what is to be said to it when it has. Moves the cursor to the terminal
    /// event where a stop has hidden those before it; a reader in the middle of an event first finishes that one.
    func readableEnd(from cursor: inout Int) -> (end: Int, whenRead: BodyState) {
        switch phase {
        case .open: return (byteCount, .waiting)
        case .ended: return (byteCount, .finished)
        case .sealed: return (boundary(from: cursor), .waiting)
        case .stopped:
            let boundary = boundary(from: cursor)
            if boundary == cursor { cursor = max(cursor, newestStart) }
            return cursor < newestStart ? (boundary, .more) : (byteCount, .finished)
        }
    }

    /// `cursor`, where an event begins there, else the end of the event that it is in.
    func boundary(from cursor: Int) -> Int {
        if cursor == byteCount || cursor == newestStart { return cursor }
        if cursor > newestStart { return byteCount }
        let event = event(at: cursor)
        return event.start == cursor ? cursor : event.end
    }

    /// Where the event of that sequence number begins, which must be held; one past the last is a place too.
    func start(of sequence: Int) -> Int {
        if sequence == eventCount { return byteCount }
        if sequence == eventCount - 1 { return newestStart }
        let index = segments.lastIndex { $0.firstSequence <= sequence } ?? 0
        var start = segments[index].start
        for _ in segments[index].firstSequence..<sequence { start = event(from: start, in: index).end }
        return start
    }

    /// How many events there were up to `place`, and whole; nil where that is no longer held.
    func eventCount(before place: Int) -> Int? {
        if place >= byteCount { return eventCount }
        if place >= newestStart { return eventCount - 1 }
        guard place >= firstByte else { return nil }
        let index = segment(at: place)
        var (end, count) = (event(from: segments[index].start, in: index).end, segments[index].firstSequence)
        while end <= place {
            end = event(from: end, in: index).end
            count += 1
        }
        return count
    }

    /// A chunk with an event in it.
    struct Event {
        var start: Int
        /// What is in the chunk.
        var payload: Range<Int>
        var end: Int
    }

    /// The event that holds `place`, which must be held.
    func event(at place: Int) -> Event {
        let index = segment(at: place)
        var event = event(from: place < newestStart ? segments[index].start : newestStart, in: index)
        while event.end <= place { event = self.event(from: event.end, in: index) }
        return event
    }

    /// The event that begins at `start`.
    func event(from start: Int, in segment: Int) -> Event {
        let bytes = segments[segment].view(start..<end(ofSegment: segment))
        var (size, digits) = (0, 0)
        while bytes[digits] != UInt8(ascii: "\r") {
            let digit = Int(bytes[digits])
            size = size << 4 | (digit < 58 ? digit - 48 : (digit | 32) - 87)
            digits += 1
        }
        let payload = start + digits + 2
        return Event(start: start, payload: payload..<payload + size, end: payload + size + 2)
    }

    /// The segment that holds `place`. From the back: most readers are near the end.
    func segment(at place: Int) -> Int {
        segments.lastIndex { $0.start <= place } ?? 0
    }

    func end(ofSegment index: Int) -> Int {
        index + 1 < segments.count ? segments[index + 1].start : byteCount
    }
}
