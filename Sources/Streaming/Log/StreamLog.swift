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
            state.write(event)
            for watchers in state.watchers { watchers.wake() }
        }
    }

    /// Stops the log: from when this returns, no reader sends anything of it but the terminal event.
    ///
    /// A reader in the middle of an event finishes that one; its bytes left before.
    /// - Returns: the answer as it was then, or nil when the log was no longer open.
    package func seal() async -> String? {
        let (answer, loops) = state.withLock { state -> (String?, [EventLoop]) in
            guard state.phase == .open else { return (nil, []) }
            state.phase = .sealed
            return (String(decoding: state.answer, as: UTF8.self), state.watchers.map(\.loop))
        }
        // Another loop may be in the middle of a write that it began before.
        for loop in loops where !loop.isCurrent { await loop.barrier() }
        return answer
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
    func read(from cursor: inout Int, into batch: inout WriteBatch) -> BodyState {
        state.withLock { state in
            let (end, whenRead) = state.readableEnd(from: &cursor)
            var place = cursor
            var index = state.segment(at: place)
            while place < end {
                guard !batch.isFull else { return .more }
                let part = place..<min(state.end(ofSegment: index), end)
                batch.append(state.segments[index].view(part))
                place = part.upperBound
                index += 1
            }
            return whenRead
        }
    }

    /// Appends the payload of the event at `cursor`, its chunk framing taken off, and moves `cursor` behind it:
    /// for clients that know no chunks.
    func readPayload(from cursor: inout Int, into bytes: inout [UInt8]) -> BodyState {
        state.withLock { state in
            let (end, whenRead) = state.readableEnd(from: &cursor)
            guard cursor < end else { return whenRead }
            let eventEnd = state.nextBoundary(after: cursor)
            let chunk = state.segments[state.segment(at: cursor)].view(cursor..<eventEnd)
            let payloadStart = (chunk.firstIndex(of: 0x0A) ?? -1) + 1
            bytes.append(contentsOf: chunk[payloadStart..<(chunk.count - 2)])
            cursor = eventEnd
            return eventEnd < end ? .more : whenRead
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
