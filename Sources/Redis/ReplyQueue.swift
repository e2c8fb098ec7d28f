/// Who waits for replies, in the order in which they come.
struct ReplyQueue {
    enum Receiver {
        case resume(UnsafeContinuation<Result<RedisValue, RedisError>, Never>)
        case call((Result<RedisValue, RedisError>) -> Void)
        case nobody

        func take(_ result: Result<RedisValue, RedisError>) {
            switch self {
            case .resume(let continuation): continuation.resume(returning: result)
            case .call(let body): body(result)
            case .nobody: break
            }
        }
    }

    private struct Place {
        var receiver: Receiver
        let since: Int64
    }

    private var places: [Place] = []
    private var start = 0

    /// From so many places of replies that have come on, the array is cut.
    private static let cutLimit = 1024

    var count: Int { places.count - start }
    var isEmpty: Bool { count == 0 }

    /// Since when the first one waits, by the loop's time; nil when nobody does.
    var waitsSince: Int64? { isEmpty ? nil : places[start].since }

    mutating func append(_ receiver: Receiver, at time: Int64) {
        places.append(Place(receiver: receiver, since: time))
    }

    mutating func popFirst() -> Receiver? {
        guard !isEmpty else { return nil }
        let receiver = places[start].receiver
        // What it refers to is let go of now, not when the array is cut.
        places[start].receiver = .nobody
        start += 1
        if start == places.count {
            places.removeAll(keepingCapacity: places.capacity <= Self.cutLimit)
            start = 0
        } else if start >= Self.cutLimit, start * 2 >= places.count {
            places.removeSubrange(..<start)
            start = 0
        }
        return receiver
    }
}
