import HTTPServer
import Primitives
import Redis
import Synchronization

/// This instance among the others: a lease with a fencing token, without which nothing is written to what all share.
///
/// The lease is renewed every two seconds and good for ten. Whoever finds another one's over ends that one's streams. An instance that was
/// paused or cut off for longer finds its token stale: it gives its streams up, and joins anew.
final class Membership: Sendable {
    /// Of a lease, in milliseconds.
    static let lease = 10_000
    /// How often it is renewed, in nanoseconds.
    static let interval: Int64 = 2_000_000_000
    /// How long whoever ends the streams of another instance has for it, in milliseconds.
    static let takeOverTime = 15_000

    let id: String
    private let client: RedisClient
    private let state = Mutex<Int?>(nil)
    /// The token that it had before.
    private let former = Atomic(0)
    /// Until when the lease is good by this process's own clock, in monotonic nanoseconds; `.max` while it goes on alone.
    private let validUntil = Atomic(Int64.max)

    /// - Parameter client: of the loop on which all functions are called.
    init(id: String, client: RedisClient) {
        self.id = id
        self.client = client
    }

    /// The fencing token; nil while this instance is on its own.
    var token: Int? { state.withLock { $0 } }

    /// Whether others may have taken over by now: this process was paused, or could not renew its lease in time. Cheap enough to be asked before each
    /// piece of an answer.
    func isInDoubt(at now: Int64) -> Bool { now >= validUntil.load(ordering: .relaxed) }

    /// Whether Redis answers, as far as is known.
    var isAlone: Bool { token == nil || validUntil.load(ordering: .relaxed) == .max }

    /// Redis cannot be asked: it goes on with what it knows itself.
    func goOnAlone() { validUntil.store(.max, ordering: .relaxed) }

    /// What a member is called in the keys.
    static func name(_ id: String, _ token: Int) -> String { "\(id):\(token)" }

    enum Turn {
        /// It was a member before, and is.
        case member
        /// It has become one.
        case joined
        /// Others have ended its streams: what it still makes is nobody's.
        case replaced
    }

    /// Renews the lease, or joins.
    func renew(on loop: EventLoop) async throws(RedisError) -> Turn {
        let asked = loop.now
        if let token {
            let reply = try await client.run(
                ClusterScripts.renew,
                keys: [.text("instance:\(id)"), "instances", .text("dead:\(Self.name(id, token))")],
                arguments: [.text(id), .integer(Self.lease), .integer(token)]
            )
            if reply.integer == 1 {
                validUntil.store(asked + Int64(Self.lease) * 1_000_000, ordering: .relaxed)
                return .member
            }
            state.withLock { $0 = nil }
            former.store(reply.integer == -1 ? 0 : token, ordering: .relaxed)
            if reply.integer == -1 { return .replaced }
        }
        // After a FLUSHALL, or a restart that has lost all, nobody has taken over: what runs goes on under a new token.
        let before = former.load(ordering: .relaxed)
        let reply = try await client.run(
            ClusterScripts.join,
            keys: [.text("instance:\(id)"), "instances", .text("dead:\(Self.name(id, before))")],
            arguments: [.text(id), .integer(Self.lease), .integer(before)]
        )
        // They have, since its lease was found to be over.
        guard reply.integer != -1 else {
            former.store(0, ordering: .relaxed)
            return .replaced
        }
        state.withLock { $0 = reply.integer }
        validUntil.store(asked + Int64(Self.lease) * 1_000_000, ordering: .relaxed)
        return .joined
    }

    /// The streams that Redis takes for this instance's, with their sessions and users.
    func claimed() async throws(RedisError) -> [(id: String, sessionID: String, userID: String)] {
        guard let token else { return [] }
        let reply = try await client.send(["HGETALL", .text("members:\(Self.name(id, token))")])
        return Self.streams(reply.array ?? [])
    }

    private static func streams(_ fields: [RedisValue]) -> [(id: String, sessionID: String, userID: String)] {
        var streams: [(id: String, sessionID: String, userID: String)] = []
        for place in stride(from: 0, to: fields.count - 1, by: 2) {
            let owner = (fields[place + 1].text ?? "").split(separator: " ", maxSplits: 1).map(String.init)
            guard let id = fields[place].text, owner.count == 2 else { continue }
            streams.append((id, owner[0], owner[1]))
        }
        return streams
    }

    /// Leaves, having ended all of its streams.
    func leave() async {
        guard let token else { return }
        state.withLock { $0 = nil }
        // Without it the others find that out by themselves.
        _ = try? await client.run(
            ClusterScripts.leave,
            keys: [.text("instance:\(id)"), "instances"],
            arguments: [.text(id), .integer(token)]
        )
    }

    /// A member whose lease is over, and its streams, with their sessions and users.
    struct Dead: Sendable {
        var name: String
        var streams: [(id: String, sessionID: String, userID: String)]
    }

    /// One whose streams this instance is to end now.
    func takeOver() async throws(RedisError) -> Dead? {
        let reply = try await client.run(
            ClusterScripts.takeOver,
            keys: ["instances"],
            arguments: [.integer(Self.takeOverTime)]
        )
        guard let parts = reply.array, parts.count == 2, let name = parts[0].text, let fields = parts[1].array else {
            return nil
        }
        return Dead(name: name, streams: Self.streams(fields))
    }

    /// All of its streams have ended.
    func bury(_ dead: Dead) async throws(RedisError) {
        _ = try await client.run(ClusterScripts.bury, keys: ["instances"], arguments: [.text(dead.name)])
    }
}
