import Redis
import RedisTestSupport

@testable import RoomService

/// A member, or who wants to be one, and its client.
struct Member: Sendable {
    let membership: Membership
    let client: RedisClient

    var id: String { membership.id }
    var name: String { Membership.name(id, membership.token ?? 0) }
    var isInDoubt: Bool {
        get async { await client.onLoop { membership.isInDoubt(at: client.loop.now) } }
    }

    func renew() async throws -> Membership.Turn {
        try await Task(executorPreference: client.loop) { try await membership.renew(on: client.loop) }.value
    }

    func takeOver() async throws -> Membership.Dead? {
        try await Task(executorPreference: client.loop) { try await membership.takeOver() }.value
    }

    func bury(_ dead: Membership.Dead) async throws {
        try await Task(executorPreference: client.loop) { try await membership.bury(dead) }.value
    }

    func leave() async { await Task(executorPreference: client.loop) { await membership.leave() }.value }

    /// The streams that Redis takes for its own.
    func claimed() async throws -> [String] {
        try await Task(executorPreference: client.loop) { try await membership.claimed().map(\.id) }.value.sorted()
    }

    // MARK: Places

    /// What the script answers; by the token that the member has, or by another one.
    func claim(
        _ stream: String,
        session: String,
        user: String = "ann",
        limit: Int = 5,
        token: Int? = nil
    ) async throws -> [String] {
        let reply = try await client.ask(
            ClusterScripts.claim,
            keys: [.text("session:\(session)"), .text("user:\(user)"), .text("instance:\(id)")],
            arguments: [
                .text(stream), .text(id), .integer(token ?? membership.token ?? 0), .text("q:\(stream)"),
                .integer(limit), .text(user), .text(session),
            ]
        )
        return reply.array?.map { $0.text ?? "" } ?? []
    }

    func release(_ stream: String, session: String, user: String = "ann") async throws {
        _ = try await client.ask(
            ClusterScripts.release,
            keys: [.text("session:\(session)"), .text("user:\(user)"), .text("members:\(name)")],
            arguments: [.text(stream)]
        )
    }

    /// What the script answers: 0, or how long to wait, in microseconds.
    func take(_ bucket: String, count: Int, period: Int) async throws -> Int {
        try await client.ask(
            ClusterScripts.take,
            keys: [.text("rate:\(bucket)")],
            arguments: [.integer(period / count), .integer(period)]
        ).integer ?? -1
    }

    /// What the script answers to one entry for each stream.
    func append(
        _ entry: StreamEntry,
        to streams: [String],
        begins: Bool = false,
        keptFor time: Int = 0,
        token: Int? = nil
    ) async throws -> RedisValue {
        var keys: [RedisArgument] = [.text("instance:\(id)")]
        var arguments: [RedisArgument] = [.integer(token ?? membership.token ?? 0), 0]
        for stream in streams {
            keys += [.text("stream:\(stream)"), .text("events:\(stream)")]
            arguments += [.integer(time), begins ? 1 : 0, .bytes(entry.encoded)]
        }
        return try await client.ask(ClusterScripts.append, keys: keys, arguments: arguments)
    }
}

extension RedisPeers {
    /// One that is at home with a client, and has not joined.
    func newcomer(_ id: String, _ index: Int = 0) -> Member {
        Member(membership: Membership(id: id, client: clients[index]), client: clients[index])
    }

    /// A member.
    func member(_ id: String, _ index: Int = 0) async throws -> Member {
        let member = newcomer(id, index)
        _ = try await member.renew()
        try await holdLease(ofMember: member.name)
        return member
    }

    /// Has a member's lease not end by itself, however slow the machine is.
    func holdLease(ofMember name: String) async throws {
        let id = name.prefix { $0 != ":" }
        try await ask(["PEXPIRE", .text("instance:\(id)"), 600_000])
        try await ask(["ZADD", "instances", "XX", 9_000_000_000_000, .text(name)])
    }

    /// Has a member's lease be over, as if it had not been renewed for long.
    func endLease(of member: Member) async throws { try await endLease(ofMember: member.name) }

    func endLease(ofMember name: String) async throws {
        let id = name.prefix { $0 != ":" }
        try await ask(["DEL", .text("instance:\(id)")])
        try await ask(["ZADD", "instances", "XX", 1, .text(name)])
    }

    /// What Redis holds of a stream.
    func entries(of streamID: String) async throws -> [StreamEntry] {
        let rows = try await ask(["XRANGE", .text("stream:\(streamID)"), "-", "+"]).array ?? []
        return rows.compactMap { row in row.array?.last?.array?.last?.bytes.flatMap(StreamEntry.init) }
    }
}

extension StreamEntry {
    var isBeginning: Bool { if case .whole = self { true } else { false } }

    /// How many events are in it.
    var eventCount: Int { if case .events(let events) = self { events.next - events.first } else { 0 } }

    /// How many terminal events are in it.
    var terminalCount: Int {
        guard case .events(let events) = self else { return 0 }
        var (place, count) = (0, 0)
        while let event = ChunkedEvent(in: events.bytes, at: place) {
            place = event.end
            if event.isTerminal { count += 1 }
        }
        return count
    }
}
