/// So many at once; who comes later waits, in the order of coming, and who finds too many waiting is turned away.
struct WaitingLine<Member> {
    let limit: Int
    let waitingLimit: Int
    private(set) var running = 0
    private var waiting: [(id: Int, member: Member)] = []

    init(limit: Int, waitingLimit: Int) {
        self.limit = limit
        self.waitingLimit = waitingLimit
    }

    enum Entry {
        case running, waiting, refused
    }

    var waitingCount: Int { waiting.count }

    mutating func enter(_ id: Int, _ member: Member) -> Entry {
        if running < limit, waiting.isEmpty {
            running += 1
            return .running
        }
        guard waiting.count < waitingLimit else { return .refused }
        waiting.append((id, member))
        return .waiting
    }

    /// One that was running has left: the first of those who wait takes its place.
    ///
    /// - Returns: who that is.
    mutating func leave() -> (id: Int, member: Member)? {
        running -= 1
        guard running < limit, !waiting.isEmpty else { return nil }
        running += 1
        return waiting.removeFirst()
    }

    /// One that was waiting has left.
    mutating func giveUp(_ id: Int) {
        waiting.removeAll { $0.id == id }
    }
}
