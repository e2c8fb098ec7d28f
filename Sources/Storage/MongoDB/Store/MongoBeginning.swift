import Primitives

/// A question to be accepted.
///
/// It is accepted by the insertion of its conversation, one document. The record of its stream comes before that, so that
/// no conversation runs without one: a crash between them leaves a record that goes with its heartbeat. The times of the room and
/// session come after: a crash between them leaves a running conversation that nobody has been told of, which
/// `interruptOrphans` ends, and with it sets the room's time.
struct MongoBeginning: Sendable {
    var conversation: Conversation
    var stream: ActiveStream
    var startsContext: Bool

    static func perform(
        _ requests: [MongoBeginning],
        _ connection: borrowing MongoConnection
    ) throws(MongoError) -> [Result<Void, StoreError>] {
        var batch = MongoBeginningBatch(requests)
        try batch.check(connection)
        try batch.insertStreams(connection)
        try batch.insertConversations(connection)
        try batch.touchRooms(connection)
        try batch.touchSessions(connection)
        return batch.errors.map { error in error.map { .failure($0) } ?? .success(()) }
    }
}

private struct MongoBeginningBatch {
    let requests: [MongoBeginning]
    /// Why each was refused so far.
    var errors: [StoreError?]

    init(_ requests: [MongoBeginning]) {
        self.requests = requests
        errors = Array(repeating: nil, count: requests.count)
    }

    /// Which are not refused so far.
    private var open: [Int] { requests.indices.filter { errors[$0] == nil } }

    mutating func check(_ connection: borrowing MongoConnection) throws(MongoError) {
        var expiry: [String: Timestamp] = [:]
        try connection.find(
            MongoSchema.sessions,
            ["session_id": .anyOf(requests.map(\.conversation.sessionID))],
            options: ["projection": ["session_id": 1, "expires_at": 1]]
        ) { view throws(MongoError) in
            if let id = view.optionalString("session_id") { expiry[id] = view.optionalDate("expires_at") }
        }
        let rooms = try connection.liveRooms(among: requests.map(\.conversation.roomID))
        for (index, request) in requests.enumerated() {
            let conversation = request.conversation
            if let end = expiry[conversation.sessionID], conversation.timestamp < end {
                if !rooms.contains(conversation.roomID) { errors[index] = .noRoom(conversation.roomID) }
            } else {
                errors[index] = .noSession(conversation.sessionID)
            }
        }
    }

    mutating func insertStreams(_ connection: borrowing MongoConnection) throws(MongoError) {
        let open = open
        let result = try connection.write(MongoSchema.streams) { bulk throws(MongoError) in
            for index in open { try bulk.insert(requests[index].stream.document) }
        }
        for error in result.errors { errors[open[error.index]] = error.storeError }
    }

    mutating func insertConversations(_ connection: borrowing MongoConnection) throws(MongoError) {
        let open = open
        let result = try connection.write(MongoSchema.conversations) { bulk throws(MongoError) in
            for index in open {
                var conversation = requests[index].conversation
                conversation.status = .streaming
                try bulk.insert(conversation.document)
            }
        }
        guard !result.errors.isEmpty else { return }
        var refused: [String] = []
        for error in result.errors {
            let request = requests[open[error.index]]
            let message = request.conversation.messageID ?? ""
            errors[open[error.index]] =
                error.isDuplicate(of: MongoSchema.message)
                ? StoreError(.duplicateMessage, "session \(request.conversation.sessionID) has a message \(message)")
                : error.storeError
            refused.append(request.stream.id)
        }
        try connection.removeStreams(refused)
    }

    /// A room that was deleted meanwhile takes its questions with it: the deletion may have come too early for them.
    mutating func touchRooms(_ connection: borrowing MongoConnection) throws(MongoError) {
        let rooms = Dictionary(grouping: open) { requests[$0].conversation.roomID }
        let result = try connection.write(MongoSchema.rooms) { bulk throws(MongoError) in
            for (id, indices) in rooms {
                guard let time = indices.map({ requests[$0].conversation.timestamp }).max() else { continue }
                try bulk.update(
                    .liveRoom(id: id),
                    .change(
                        set: ["last_activity": .date(time)],
                        increase: ["message_count": .int32(Int32(indices.count))]
                    )
                )
            }
        }
        guard result.matched < rooms.count else { return }
        let live = try connection.liveRooms(among: Array(rooms.keys))
        for (id, indices) in rooms where !live.contains(id) {
            for index in indices { errors[index] = .noRoom(id) }
            let streams = indices.map { requests[$0].stream.id }
            _ = try connection.write(MongoSchema.conversations) { bulk throws(MongoError) in
                try bulk.removeAll(["stream_id": .anyOf(streams)])
            }
            try connection.removeStreams(streams)
        }
    }

    func touchSessions(_ connection: borrowing MongoConnection) throws(MongoError) {
        _ = try connection.write(MongoSchema.sessions) { bulk throws(MongoError) in
            for index in open {
                let request = requests[index]
                let set: BSONDocument = [
                    "last_activity": .date(request.conversation.timestamp),
                    "active_agent": .string(request.conversation.agentType),
                ]
                if request.startsContext {
                    set.append("context_from", .date(request.conversation.timestamp))
                    set.append("context_from_by_agent", [])
                }
                try bulk.update(
                    ["session_id": .string(request.conversation.sessionID)],
                    .change(set: set, increase: request.startsContext ? ["context_version": 1] : nil)
                )
            }
        }
    }
}

extension MongoConnection {
    /// Which of the rooms are there and not deleted.
    func liveRooms(among ids: [String]) throws(MongoError) -> Set<String> {
        var live: Set<String> = []
        try find(
            MongoSchema.rooms,
            ["room_id": .anyOf(ids), "is_deleted": .isNot(true)],
            options: ["projection": ["room_id": 1]]
        ) { view throws(MongoError) in
            if let id = view.optionalString("room_id") { live.insert(id) }
        }
        return live
    }

    func removeStreams(_ ids: [String]) throws(MongoError) {
        guard !ids.isEmpty else { return }
        _ = try write(MongoSchema.streams) { bulk throws(MongoError) in
            try bulk.removeAll(["stream_id": .anyOf(ids)])
        }
    }
}
