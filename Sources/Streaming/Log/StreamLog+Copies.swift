import Primitives

/// How far a copy of a log is: where in the log it goes on, and with which event.
package struct CopyPlace: Sendable, Equatable {
    /// In bytes.
    package var cursor = 0
    package var sequence = 0

    package init() {}
}

/// A log and its copies elsewhere: the same bytes at the same sequence numbers.
extension StreamLog {
    package enum CopyResult: Sendable {
        /// Hidden ones are those of a log that has been stopped.
        case copied(areHidden: Bool)
        /// There was nothing to copy.
        case upToDate
        /// What comes next is no longer held.
        case gone
    }

    /// Appends the events from `place` on to `bytes`, as they stand in the log and those included that a stop has hidden, until there
    /// are `limit` bytes or no more events, and moves the place behind them.
    package func copyEvents(from place: inout CopyPlace, to bytes: inout [UInt8], limit: Int) -> CopyResult {
        state.withLock { state in
            guard place.cursor < state.byteCount else { return .upToDate }
            guard place.cursor >= state.firstByte else { return .gone }
            var index = state.segment(at: place.cursor)
            while place.cursor < state.byteCount, bytes.count < limit {
                while state.end(ofSegment: index) <= place.cursor { index += 1 }
                let event = state.event(from: place.cursor, in: index)
                bytes.append(contentsOf: state.segments[index].view(event.start..<event.end))
                place.cursor = event.end
                place.sequence += 1
            }
            return .copied(areHidden: !state.showsAnswer)
        }
    }

    /// All of the answer so far, in UTF-8, for a copy that begins with it, and where that goes on. A terminal event is not part of it.
    package var whole: (answer: [UInt8], place: CopyPlace) {
        let snapshot = snapshot
        var place = CopyPlace()
        (place.cursor, place.sequence) = (snapshot.cursor, snapshot.sequence + 1)
        return (Array(snapshot.answer.utf8), place)
    }

    /// Appends an event of the original, and `content`, its part of the answer. After a stop it is part of the log too, and hidden as it is
    /// in the original.
    package func appendCopy(_ event: [UInt8], content: [UInt8]) {
        state.withLock { state in
            guard !state.hasEnded else { return }
            state.write(event, content: content)
            guard state.phase == .open else { return }
            for watchers in state.watchers { watchers.wake() }
        }
    }
}

extension StreamLog {
    /// Whether anybody reads it.
    package var isWatched: Bool { state.withLock { !$0.watchers.isEmpty } }

    /// Whether it was given up.
    package var isCut: Bool { state.withLock { $0.isCut } }

    /// Gives a copy up that cannot go on: its readers are cut off, and can resume elsewhere.
    package func cut() {
        state.withLock { state in
            state.giveUp()
            for watchers in state.watchers { watchers.wake() }
        }
    }
}
