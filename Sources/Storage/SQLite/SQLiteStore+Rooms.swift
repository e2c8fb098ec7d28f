import Primitives

extension SQLiteStore {
    package func createRoom(_ room: Room, limit: Int) async throws(StoreError) {
        try await writer.write { connection throws(StoreError) in
            try connection.createRoom(room, limit: limit)
        }
    }

    package func room(id: String) async throws(StoreError) -> Room? {
        try await readers.read { connection throws(StoreError) in
            try connection.room(id: id)
        }
    }

    package func rooms(
        userID: String,
        order: RoomOrder,
        page: PageRequest
    ) async throws(StoreError) -> Page<RoomSummary> {
        try await readers.read { connection throws(StoreError) in
            try connection.snapshot { () throws(StoreError) in
                let total = try connection.count(.roomCount, userID)
                let rows = try connection.statement(order.statement, userID, max(0, page.limit), max(0, page.offset))
                let last = Int32(SQLiteRow.roomColumns.count)
                var elements: [RoomSummary] = []
                while try rows.step() {
                    let message = rows.isNull(last) ? nil : try Conversation(row: rows, from: last)
                    elements.append(RoomSummary(room: try Room(row: rows), lastMessage: message))
                }
                return Page(elements: elements, total: total)
            }
        }
    }

    package func updateRoom(
        id: String,
        userID: String,
        changes: RoomChanges,
        at time: Timestamp
    ) async throws(StoreError) -> Room {
        try await writer.write { connection throws(StoreError) in
            try connection.requireRoom(id: id, ownedBy: userID)
            guard var room = try connection.room(id: id) else { throw .noRoom(id) }
            room.name = changes.name ?? room.name
            room.metadata = changes.metadata ?? room.metadata
            room.updatedAt = time
            try connection.run(.updateRoom, room.name, room.metadata, time, id)
            return room
        }
    }

    package func deleteRoom(id: String, userID: String, at time: Timestamp) async throws(StoreError) -> Int {
        try await writer.write { connection throws(StoreError) in
            try connection.requireRoom(id: id, ownedBy: userID)
            let removed = try connection.run(.deleteRoomConversations, id)
            try connection.run(.deleteRoomSessions, id)
            try connection.run(.deleteRoomStreams, id)
            try connection.run(.markRoomDeleted, time, id)
            return removed
        }
    }
}

extension SQLiteConnection {
    /// The number that a statement of one row and one column yields.
    func count<each Value: SQLiteBindable>(
        _ statement: StoreStatement,
        _ values: repeat each Value
    ) throws(StoreError) -> Int {
        let row = try self.statement(statement, repeat each values)
        return try row.step() ? Int(row.integer(0)) : 0
    }

    func room(id: String) throws(StoreError) -> Room? {
        let row = try statement(.room, id)
        return try row.step() ? try Room(row: row) : nil
    }

    func createRoom(_ room: Room, limit: Int) throws(StoreError) {
        guard try count(.roomCount, room.userID) < limit else {
            throw StoreError(.roomLimitReached, "user \(room.userID) has \(limit) rooms")
        }
        try run(
            .insertRoom,
            room.id,
            room.userID,
            room.name,
            room.createdAt,
            room.lastActivity,
            room.updatedAt,
            room.metadata
        )
    }

    /// - Throws: `.roomNotFound`, and `.notOwner` where `userID` is given and is not the room's.
    func requireRoom(id: String, ownedBy userID: String? = nil) throws(StoreError) {
        let row = try statement(.roomOwner, id)
        guard try row.step() else { throw .noRoom(id) }
        if let userID, row.text(0) != userID {
            throw StoreError(.notOwner, "room \(id) is not user \(userID)'s")
        }
    }
}

extension RoomOrder {
    fileprivate var statement: StoreStatement {
        switch key {
        case .lastActivity: descending ? .roomsByActivityDescending : .roomsByActivity
        case .createdAt: descending ? .roomsByCreationDescending : .roomsByCreation
        case .name: descending ? .roomsByNameDescending : .roomsByName
        }
    }
}

extension StoreError {
    static func noRoom(_ id: String) -> StoreError { StoreError(.roomNotFound, "no room \(id)") }
    static func noSession(_ id: String) -> StoreError { StoreError(.sessionNotFound, "no session \(id)") }
}
