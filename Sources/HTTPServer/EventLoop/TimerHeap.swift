import Primitives

/// Timers by deadline: a four-ary heap of plain values, and a table of what each does.
///
/// Cancelling empties the timer's place in the table at once; its heap entry is dropped when it comes up, or when
/// such entries are the greater part of the heap.
struct TimerHeap<Action> {
    /// Names a timer. A place that was reused has another generation.
    struct ID: Sendable, Hashable {
        fileprivate var place: UInt32
        fileprivate var generation: UInt32
    }

    private struct Entry {
        var deadline: Int64
        var id: ID
    }

    private struct Place {
        var action: Action?
        var hint = CacheHint()
        var generation: UInt32
    }

    private var heap: [Entry] = []
    private var places: [Place] = []
    private var freePlaces: [UInt32] = []
    /// How many entries of the heap are of cancelled timers.
    private var staleCount = 0

    /// How many timers wait, and how many cancelled ones are not dropped yet.
    var entryCount: Int { heap.count }

    /// The earliest deadline, possibly of a timer that has been cancelled.
    var nextDeadline: Int64? { heap.first?.deadline }

    /// Takes a place for a timer that is to be armed: its id is known before its action is.
    mutating func reserve() -> ID {
        if let place = freePlaces.popLast() {
            return ID(place: place, generation: places[Int(place)].generation)
        }
        places.append(Place(action: nil, generation: 0))
        return ID(place: UInt32(places.count - 1), generation: 0)
    }

    /// - Parameter hint: what the action refers to.
    mutating func arm(_ id: ID, deadline: Int64, action: Action, hint: CacheHint = CacheHint()) {
        places[Int(id.place)].action = action
        places[Int(id.place)].hint = hint
        heap.append(Entry(deadline: deadline, id: id))
        siftUp(from: heap.count - 1)
    }

    /// Gives back a place that was never armed, or whose timer is not to fire; returns the action that will not happen.
    mutating func cancel(_ id: ID) -> Action? {
        guard isLive(id) else { return nil }
        let action = places[Int(id.place)].action.take()
        release(id)
        guard let action else { return nil }
        staleCount += 1
        if staleCount > 64, staleCount > heap.count / 2 { dropStale() }
        return action
    }

    /// Moves the actions of at most `limit` timers that are due at `now` to `actions`. What they refer to is asked for, and not
    /// touched.
    mutating func popDue(at now: Int64, atMost limit: Int, to actions: inout [Action?]) {
        var count = 0
        while count < limit, let first = heap.first, first.deadline <= now {
            removeFirst()
            guard isLive(first.id) else {
                staleCount -= 1
                continue
            }
            let place = Int(first.id.place)
            places[place].hint.prefetch()
            actions.append(nil)
            swap(&actions[actions.count - 1], &places[place].action)
            release(first.id)
            count += 1
        }
    }

    private func isLive(_ id: ID) -> Bool {
        places[Int(id.place)].generation == id.generation
    }

    /// Without it, timers that are cancelled long before their time, as time limits are, would pile up.
    private mutating func dropStale() {
        // A sorted array is a heap.
        heap = heap.filter { isLive($0.id) }.sorted { $0.deadline < $1.deadline }
        staleCount = 0
    }

    private mutating func release(_ id: ID) {
        places[Int(id.place)].generation &+= 1
        freePlaces.append(id.place)
    }

    private mutating func siftUp(from start: Int) {
        var index = start
        let entry = heap[index]
        while index > 0 {
            let parent = (index - 1) / 4
            guard heap[parent].deadline > entry.deadline else { break }
            heap[index] = heap[parent]
            index = parent
        }
        heap[index] = entry
    }

    private mutating func removeFirst() {
        let entry = heap.removeLast()
        guard !heap.isEmpty else { return }
        var index = 0
        while true {
            let firstChild = index * 4 + 1
            guard firstChild < heap.count else { break }
            var least = firstChild
            for child in firstChild..<min(firstChild + 4, heap.count) {
                if heap[child].deadline < heap[least].deadline { least = child }
            }
            guard heap[least].deadline < entry.deadline else { break }
            heap[index] = heap[least]
            index = least
        }
        heap[index] = entry
    }
}
