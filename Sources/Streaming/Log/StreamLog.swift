import HTTPServer
import Synchronization

/// The events of one stream, encoded once, in order: the one copy that every reader reads from.
///
/// Append-only, and ended by exactly one terminal event. A reader is a cursor, a place in bytes between two events.
/// One task appends; readers may be on any loop, and are told once a batch.
package final class StreamLog: Sendable {
    private let state = Mutex(StreamLogState())

    package init() {}

    // MARK: Writing

    /// Appends an encoded event, and `content`, its part of the answer.
    ///
    /// - Returns: false when the log has been stopped or has ended: the event is then not part of it.
    package func append(_ event: [UInt8], content: [UInt8] = []) -> Bool {
        state.withLock { state in
            guard state.phase == .open else { return false }
            state.write(event)
            state.answer.append(contentsOf: content)
            for watchers in state.watchers { watchers.wake() }
            return true
        }
    }

    /// Appends the terminal event. Later calls change nothing.
    package func end(_ event: [UInt8]) {
        state.withLock { state in
            guard !state.hasEnded else { return }
            state.phase = state.phase == .sealed ? .stopped : .ended
            state.write(event, isLast: true)
            for watchers in state.watchers { watchers.wake() }
        }
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

    package var hasEnded: Bool {
        state.withLock { $0.hasEnded }
    }

    /// How many events there are.
    package var eventCount: Int { state.withLock { $0.starts.count } }

    /// The memory that the events and the answer take, in bytes.
    package var memoryByteCount: Int {
        state.withLock { state in
            state.segments.reduce(state.answer.capacity + state.starts.capacity * 4) { $0 + $1.capacity }
        }
    }

    /// The cursor before the event of that sequence number, or nil when the log does not know of such an event yet.
    /// One past the last event is a place too.
    package func cursor(before sequence: Int) -> Int? {
        state.withLock { state in
            guard sequence >= 0, sequence <= state.starts.count else { return nil }
            return sequence == state.starts.count ? state.byteCount : Int(state.starts[sequence])
        }
    }

    /// Adds views over the bytes from `cursor` on; where events must not be shown any more, moves it over them first.
    /// The views stay valid as long as the log.
    ///
    /// - Parameter isChunked: whether the client knows chunks; else only their payloads are added.
    func read(from cursor: inout Int, into batch: inout WriteBatch, isChunked: Bool) -> BodyState {
        state.withLock { state in
            let (end, whenRead) = state.readableEnd(from: &cursor)
            var place = cursor
            var index = state.segment(at: place)
            while place < end {
                guard !batch.isFull else { return .more }
                while state.end(ofSegment: index) <= place { index += 1 }
                var part = place..<min(state.end(ofSegment: index), end)
                var next = part.upperBound
                if !isChunked {
                    let event = state.event(at: place)
                    part = max(place, event.payload.lowerBound)..<event.payload.upperBound
                    next = event.end
                }
                let count = batch.byteCount
                batch.append(state.segments[index].view(part))
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

    /// Whether a reader at `cursor` has begun no event that it has not read to its end.
    func isBetweenEvents(_ cursor: Int) -> Bool {
        state.withLock { $0.boundary(from: cursor) == cursor }
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
