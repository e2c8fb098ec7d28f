import Primitives

extension StreamLog {
    /// Where the next event is written. It moves with each one, while what `addHints` adds hardly does.
    package var tailHint: CacheHint { state.withLock { CacheHint($0.tail.address, lines: 5) } }

    /// Adds where that lies which the next event touches besides, from `append` to the list of the watchers.
    package func addHints(to hints: inout CacheHints) {
        hints.add(CacheHint(self, lines: 3))
        state.withLock { state in
            if let newest = state.segments.last { hints.add(CacheHint(newest.owner, lines: 2)) }
            hints.add(CacheHint(headOf: state.segments, lines: 1))
            hints.add(CacheHint(endOf: state.segments, lines: 1))
            hints.add(CacheHint(headOf: state.answer, lines: 2))
            hints.add(CacheHint(endOf: state.answer, lines: 2))
            hints.add(CacheHint(headOf: state.watchers, lines: 2))
            guard let watchers = state.watchers.first else { return }
            hints.add(CacheHint(watchers, lines: 2))
            hints.add(watchers.listHint)
        }
    }
}
