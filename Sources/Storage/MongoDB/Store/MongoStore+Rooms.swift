import Primitives

extension MongoStore {
    package func createRoom(_ room: Room, limit: Int) async throws(StoreError) {
        try await roomCreations.submit(MongoRoomCreation(room: room, limit: limit))
    }

    package func room(id: String) async throws(StoreError) -> Room? {
        try await roomLookups.submit(id)
    }

    /// Four round trips at most, however many rooms there are.
    package func rooms(
        userID: String,
        order: RoomOrder,
        page: PageRequest
    ) async throws(StoreError) -> Page<RoomSummary> {
        try await pool.run { connection throws(MongoError) in
            let filter: BSONDocument = ["user_id": .string(userID), "is_deleted": .isNot(true)]
            let rooms = try connection.rooms(filter, order: order, page: page)
            // A first page that is not full is all there is.
            let isAll = page.offset <= 0 && rooms.count < page.limit
            let total = try isAll ? rooms.count : connection.count(MongoSchema.rooms, filter)
            let contents = try connection.contents(ofRooms: rooms.map(\.id))
            let last = try connection.lastConversations(contents)
            let elements = rooms.map { room in
                var room = room
                room.messageCount = contents[room.id]?.count ?? 0
                return RoomSummary(room: room, lastMessage: last[room.id])
            }
            return Page(elements: elements, total: total)
        }
    }

    package func updateRoom(
        id: String,
        userID: String,
        changes: RoomChanges,
        at time: Timestamp
    ) async throws(StoreError) -> Room {
        try await pool.run { connection throws(MongoError) in
            let set: BSONDocument = ["updated_at": .date(time)]
            set.append("room_name", ifPresent: changes.name.map { .string($0) })
            set.append("metadata", ifPresent: changes.metadata.map { .json(.object($0)) })
            let updated = try connection.findAndUpdate(
                MongoSchema.rooms,
                .liveRoom(id: id, userID: userID),
                .change(set: set)
            ) { view throws(MongoError) in try Room(view) }
            guard var room = updated else { throw try connection.whyNoRoom(id: id, userID: userID) }
            room.messageCount = try connection.conversationCount(roomID: id)
            return room
        }
    }

    /// The room is gone for every call once it is marked. What belongs to it goes after; where a crash comes between,
    /// `purge_pending` has the next `interruptOrphans` go on.
    package func deleteRoom(id: String, userID: String, at time: Timestamp) async throws(StoreError) -> Int {
        try await pool.run { connection throws(MongoError) in
            let change: BSONDocument = .change(
                set: ["is_deleted": true, "deleted_at": .date(time), "purge_pending": true]
            )
            change.append("$unset", ["slot": ""])
            let found: Void? = try connection.findAndUpdate(
                MongoSchema.rooms,
                .liveRoom(id: id, userID: userID),
                change
            ) { _ in }
            guard found != nil else { throw try connection.whyNoRoom(id: id, userID: userID) }
            return try connection.purge(rooms: [id])
        }
    }
}

extension BSONDocument {
    static func liveRoom(id: String, userID: String? = nil) -> BSONDocument {
        let filter: BSONDocument = ["room_id": .string(id), "is_deleted": .isNot(true)]
        return filter.append("user_id", ifPresent: userID.map { .string($0) })
    }
}

extension Room {
    /// Looks for rooms by their ids. One that cannot be read is the trouble of those alone who ask for it.
    static func find(
        _ ids: [String],
        _ connection: borrowing MongoConnection
    ) throws(MongoError) -> [Result<Room?, StoreError>] {
        var found: [String: Result<Room, StoreError>] = [:]
        let filter: BSONDocument = ["room_id": .anyOf(ids), "is_deleted": .isNot(true)]
        try connection.find(MongoSchema.rooms, filter) { view in
            guard let id = view.optionalString("room_id") else { return }
            found[id] = view.decoded { view throws(MongoError) in try Room(view) }
        }
        var counts: [String: Int] = [:]
        if found.count == 1, let id = found.keys.first {
            counts[id] = try connection.conversationCount(roomID: id)
        } else {
            counts = try connection.contents(ofRooms: Array(found.keys)).mapValues(\.count)
        }
        return ids.map { id in
            guard let result = found[id] else { return .success(nil) }
            return result.map { room in
                var room = room
                room.messageCount = counts[id] ?? 0
                return room
            }
        }
    }
}

/// What a room holds.
struct MongoRoomContents {
    var count: Int
    /// Of the newest conversation.
    var timestamp: Timestamp
}

extension MongoConnection {
    func room(id: String) throws(MongoError) -> Room? {
        try findOne(MongoSchema.rooms, .liveRoom(id: id)) { view throws(MongoError) in try Room(view) }
    }

    func conversationCount(roomID: String) throws(MongoError) -> Int {
        try count(MongoSchema.conversations, ["room_id": .string(roomID)])
    }

    func whyNoRoom(id: String, userID: String) throws(MongoError) -> MongoError {
        guard let room = try room(id: id), room.userID != userID else { return .store(.noRoom(id)) }
        return .store(StoreError(.notOwner, "room \(id) is not user \(userID)'s"))
    }

    fileprivate func rooms(
        _ filter: BSONDocument,
        order: RoomOrder,
        page: PageRequest
    ) throws(MongoError) -> [Room] {
        guard page.limit > 0 else { return [] }
        let direction: BSONValue = order.descending ? -1 : 1
        let sort: BSONDocument =
            switch order.key {
            case .lastActivity: ["last_activity": direction, "room_id": 1]
            case .createdAt: ["created_at": direction, "room_id": 1]
            case .name: ["room_name": direction, "room_id": 1]
            }
        var rooms: [Room] = []
        try find(MongoSchema.rooms, filter, options: .page(page, sort: sort)) { view throws(MongoError) in
            // One that cannot be read must not keep the others from its user.
            if case .success(let room) = view.decoded({ view throws(MongoError) in try Room(view) }) {
                rooms.append(room)
            }
        }
        return rooms
    }

    /// What each of the rooms holds, by one look at `room_timestamp_idx` alone.
    func contents(ofRooms ids: [String]) throws(MongoError) -> [String: MongoRoomContents] {
        guard !ids.isEmpty else { return [:] }
        var contents: [String: MongoRoomContents] = [:]
        try aggregate(
            MongoSchema.conversations,
            [
                ["$match": ["room_id": .anyOf(ids)]],
                ["$sort": ["room_id": 1, "timestamp": -1]],
                ["$group": ["_id": "$room_id", "count": ["$sum": 1], "timestamp": ["$first": "$timestamp"]]],
            ]
        ) { view throws(MongoError) in
            // A conversation whose time is none is counted, and is nobody's newest.
            let timestamp = view.optionalDate("timestamp") ?? Timestamp(milliseconds: 0)
            contents[try view.string("_id")] = MongoRoomContents(count: try view.integer("count"), timestamp: timestamp)
        }
        return contents
    }

    /// The newest conversation of each room: of several at the same time, the one that was stored last.
    fileprivate func lastConversations(
        _ contents: [String: MongoRoomContents]
    ) throws(MongoError) -> [String: Conversation] {
        guard !contents.isEmpty else { return [:] }
        let places: [BSONValue] = contents.map { id, contents in
            ["room_id": .string(id), "timestamp": .date(contents.timestamp)]
        }
        var last: [String: Conversation] = [:]
        try find(MongoSchema.conversations, ["$or": .array(places)], options: ["sort": ["_id": 1]]) {
            view throws(MongoError) in
            guard let conversation = Conversation.readable(view) else { return }
            last[conversation.roomID] = conversation
        }
        return last
    }

    /// Removes what belongs to rooms that have been marked deleted, and then the mark that this is to be done.
    ///
    /// - Returns: how many conversations were removed.
    func purge(rooms ids: [String]) throws(MongoError) -> Int {
        guard !ids.isEmpty else { return 0 }
        let belongsToThem: BSONDocument = ["room_id": .anyOf(ids)]
        for collection in [MongoSchema.sessions, MongoSchema.streams] {
            _ = try write(collection) { bulk throws(MongoError) in try bulk.removeAll(belongsToThem) }
        }
        let removed = try write(MongoSchema.conversations) { bulk throws(MongoError) in
            try bulk.removeAll(belongsToThem)
        }
        _ = try write(MongoSchema.rooms) { bulk throws(MongoError) in
            for id in ids {
                let change: BSONDocument = ["$unset": ["purge_pending": ""], "$set": ["message_count": 0]]
                try bulk.update(["room_id": .string(id)], change)
            }
        }
        return removed.removed
    }
}
