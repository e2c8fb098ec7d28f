import HTTPServer
import Primitives
import Synchronization

/// The events of one stream, encoded once, in order: the one copy that every reader reads from.
///
/// Append-only, and ended by exactly one terminal event. A reader is a cursor, a place in bytes between two events.
/// One task appends; readers may be on any loop, and are told once a batch. Of a long stream only the newest events are held:
/// who wants older ones, or lags that far behind, begins again with a `snapshot`.
package final class StreamLog: Sendable {
    package let streamID: String
    package let agentType: String
    let state: Mutex<StreamLogState>

    /// - Parameter retainedLimit: how many bytes of events are held at the most.
    package init(streamID: String, agentType: String, retainedLimit: Int = .max) {
        self.streamID = streamID
        self.agentType = agentType
        state = Mutex(StreamLogState(retainedLimit: retainedLimit))
    }

    /// A log that begins behind events which it never had.
    ///
    /// - Parameters:
    ///   - answer: what those events add up to, in UTF-8.
    ///   - firstSequence: how many they were.
    package init(streamID: String, agentType: String, retainedLimit: Int, answer: [UInt8], firstSequence: Int) {
        self.streamID = streamID
        self.agentType = agentType
        state = Mutex(StreamLogState(retainedLimit: retainedLimit, answer: answer, firstSequence: firstSequence))
    }

    // MARK: Writing

    /// Appends an encoded event, and `content`, its part of the answer.
    ///
    /// - Returns: false when the log has been stopped or has ended: the event is then not part of it.
    package func append(_ event: [UInt8], content: [UInt8] = []) -> Bool {
        state.withLock { state in
            guard state.phase == .open else { return false }
            state.write(event, content: content)
            for watchers in state.watchers { watchers.wake() }
            return true
        }
    }

    /// Appends the terminal event. Later calls change nothing.
    ///
    /// - Parameter sequence: its number, where that is not the next one: it was given by somebody who did not know all events.
    package func end(_ event: [UInt8], sequence: Int? = nil) {
        state.withLock { state in
            guard !state.hasEnded else { return }
            state.phase = state.phase == .sealed ? .stopped : .ended
            state.writeLast(event, sequence: sequence)
            for watchers in state.watchers { watchers.wake() }
        }
    }

    /// Lets go of the oldest events beyond that many bytes, now and from now on.
    package func retain(atMost limit: Int) {
        state.withLock { $0.retain(atMost: limit) }
    }

    /// Stops the log: no reader is given any more of it but the terminal event, and the rest of an event of which
    /// bytes have left already.
    ///
    /// - Returns: nil when the log was no longer open.
    package func seal() -> Seal? {
        state.withLock { state in
            guard state.phase == .open else { return nil }
            state.phase = .sealed
            let answer = String(decoding: state.answer, as: UTF8.self)
            return Seal(answer: answer, loops: state.watchers.map(\.loop))
        }
    }

    /// What a stop found.
    package struct Seal: Sendable {
        /// The answer as it was then.
        package let answer: String
        /// Where readers may have been in the middle of a write that they began before.
        fileprivate let loops: [EventLoop]

        /// Returns when those writes are over: from then on nothing more is sent.
        package func waitUntilSilent() async {
            for loop in loops where !loop.isCurrent { await loop.barrier() }
        }
    }

    // MARK: Reading

    /// The answer as far as it has got.
    package var answer: String {
        state.withLock { String(decoding: $0.answer, as: UTF8.self) }
    }

    /// The length of the answer so far, in bytes of UTF-8.
    package var answerByteCount: Int { state.withLock { $0.answer.count } }

    /// Appends the answer so far to `text`, in UTF-8, but for its first `offset` bytes; nothing when the stream has ended.
    package func copyAnswer(from offset: Int, to text: inout [UInt8]) {
        state.withLock { state in
            if !state.hasEnded { text.append(contentsOf: state.answer.dropFirst(offset)) }
        }
    }

    /// Whether clients may be shown the answer: not after a stop.
    var showsAnswer: Bool { state.withLock { $0.showsAnswer } }

    /// Appends what clients may be shown of the answer behind its first `offset` bytes to `text`, which is empty: at most
    /// `limit` bytes, up to the end of a character.
    ///
    /// - Returns: whether there is more by now, is to come, or nothing will come any more.
    func readAnswer(from offset: Int, atMost limit: Int, to text: inout [UInt8]) -> BodyState {
        state.withLock { state in
            let whenRead = state.hasEnded ? BodyState.finished : .waiting
            guard state.showsAnswer else { return whenRead }
            // With one byte more, one sees whether a character would be cut.
            text.append(contentsOf: state.answer.dropFirst(offset).prefix(limit + 1))
            guard text.count > limit else { return whenRead }
            text.cutText(to: limit)
            return .more
        }
    }

    package var hasEnded: Bool {
        state.withLock { $0.hasEnded }
    }

    /// The number of the terminal event; nil while there is none.
    package var terminalSequence: Int? {
        state.withLock { $0.terminalSequence }
    }

    /// How many events there are.
    package var eventCount: Int { state.withLock { $0.eventCount } }

    /// The memory that the events and the answer take, in bytes.
    package var memoryByteCount: Int { usage.memoryByteCount }

    /// Both at once.
    var usage: (eventCount: Int, memoryByteCount: Int) {
        state.withLock { ($0.eventCount, $0.segmentByteCount + $0.answer.capacity) }
    }

    /// Where a reader finds an event.
    package enum Place: Sendable, Equatable {
        case cursor(Int)
        /// It is no longer held.
        case passed
        /// There is no such event yet.
        case unknown
    }

    /// The place before the event of that sequence number. One past the last event is a place too. Numbers that a terminal event has left
    /// out are those of events which somebody may have been shown, and after which that one is next.
    package func place(before sequence: Int) -> Place {
        state.withLock { state in
            guard sequence >= 0, sequence <= state.lastSequence + 1 else { return .unknown }
            if sequence > state.lastSequence { return .cursor(state.byteCount) }
            if sequence >= state.eventCount { return .cursor(state.start(of: state.eventCount - 1)) }
            guard sequence >= state.firstSequence else { return .passed }
            return .cursor(state.start(of: sequence))
        }
    }

    /// Whether what follows `cursor` is still held.
    func holds(_ cursor: Int) -> Bool {
        state.withLock { cursor >= $0.firstByte }
    }

    /// The whole of the stream so far, for a reader that cannot read it event by event.
    struct Snapshot {
        /// The text that the events up to `sequence` add up to.
        var answer: String
        var sequence: Int
        /// Where to go on. A terminal event is not part of the snapshot.
        var cursor: Int
    }

    var snapshot: Snapshot {
        state.withLock { state in
            let count = state.eventCount - (state.hasEnded ? 1 : 0)
            return Snapshot(
                answer: String(decoding: state.answer, as: UTF8.self),
                sequence: count - 1,
                cursor: state.start(of: count)
            )
        }
    }

    /// Adds views over the bytes from `cursor` on; where events must not be shown any more, moves it over them first.
    ///
    /// - Parameters:
    ///   - isChunked: whether the client knows chunks; else only their payloads are added.
    ///   - sent: told how far the reader may read.
    /// - Returns: nil when what follows `cursor` is no longer held.
    func read(from cursor: inout Int, into batch: inout WriteBatch, isChunked: Bool, counting sent: inout SentEvents)
        -> BodyState?
    {
        state.withLock { state in
            guard cursor >= state.firstByte, !state.isCut else { return nil }
            let start = cursor
            let (end, whenRead) = state.readableEnd(from: &cursor)
            if cursor != start { sent.skip(from: start, in: state) }
            sent.offer(end, in: state)
            var place = cursor
            var index = state.segment(at: place)
            var isBoundary = false
            while place < end {
                guard !batch.isFull else { return .more }
                while state.end(ofSegment: index) <= place { index += 1 }
                var part = place..<min(state.end(ofSegment: index), end)
                var next = part.upperBound
                if !isChunked {
                    let event = isBoundary ? state.event(from: place, in: index) : state.event(at: place)
                    part = max(place, event.payload.lowerBound)..<event.payload.upperBound
                    next = event.end
                    isBoundary = true
                }
                let count = batch.byteCount
                batch.append(state.segments[index].view(part), of: state.segments[index].owner)
                guard batch.byteCount - count == part.count else { return .more }
                place = next
            }
            return whenRead
        }
    }

    /// Where a reader at `cursor` is when `count` bytes of those that `read` gave it are sent.
    func place(_ count: Int, after cursor: Int, isChunked: Bool) -> Int {
        guard !isChunked else { return cursor + count }
        return state.withLock { state in
            var (place, count) = (cursor, count)
            while count > 0 {
                // Let go of meanwhile, with what follows: the next look will find that out.
                guard place >= state.firstByte else { return place }
                let event = state.event(at: place)
                let start = max(place, event.payload.lowerBound)
                let rest = event.payload.upperBound - start
                guard count >= rest else { return start + count }
                count -= rest
                place = event.end
            }
            return place
        }
    }

    /// How many events there were up to `cursor`, and whole; nil where that is no longer held.
    func eventCount(before cursor: Int) -> Int? {
        state.withLock { $0.eventCount(before: cursor) }
    }

    /// Whether a reader at `cursor` has begun no event that it has not read to its end.
    func isBetweenEvents(_ cursor: Int) -> Bool {
        state.withLock { $0.boundary(from: cursor) == cursor }
    }

    /// The sequence number of the last event that ends at `cursor` or before; nil: there is none, or it is no longer known.
    func lastEvent(before cursor: Int) -> Int? {
        state.withLock { state in
            if cursor == state.byteCount, state.eventCount > 0 { return state.lastSequence }
            guard cursor > 0, cursor >= state.firstByte, cursor < state.byteCount else { return nil }
            let index = state.segment(at: cursor)
            var (sequence, place) = (state.segments[index].firstSequence, state.segments[index].start)
            while case let end = state.event(from: place, in: index).end, end <= cursor {
                (sequence, place) = (sequence + 1, end)
            }
            return sequence > 0 ? sequence - 1 : nil
        }
    }

    // MARK: Watchers

    /// Those who watch on that loop; there from now on, until they leave.
    func watchers(on loop: EventLoop) -> LoopWatchers {
        state.withLock { state in
            if let watchers = state.watchers.first(where: { $0.loop === loop }) { return watchers }
            let watchers = LoopWatchers(loop: loop)
            state.watchers.append(watchers)
            return watchers
        }
    }

    /// Forgets the watchers of a loop when none is left.
    func remove(_ watchers: LoopWatchers) {
        state.withLock { state in state.watchers.removeAll { $0 === watchers } }
    }
}
