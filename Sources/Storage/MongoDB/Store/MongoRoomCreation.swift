import Primitives

/// A new room of a user who may have `limit` of them.
///
/// Each live room has a place of its own among the user's `0..<limit`, in its field `slot`, and a unique index says that no
/// place is taken twice: so there are never more live rooms than places, however many instances create them at once. The place
/// is taken by the insertion and given back by the deletion, each of which changes one document: there is no count that a crash
/// could leave wrong. Rooms without a place, which other programs made, are given one before a new room is let in.
struct MongoRoomCreation: Sendable {
    var room: Room
    var limit: Int

    /// Each round ends with a room inserted by someone, so that this many are needed only while others create and delete
    /// rooms of the same user all the time.
    private static let roundLimit = 200

    static func perform(
        _ requests: [MongoRoomCreation],
        _ connection: borrowing MongoConnection
    ) throws(MongoError) -> [Result<Void, StoreError>] {
        var answers = [Result<Void, StoreError>?](repeating: nil, count: requests.count)
        for _ in 0..<roundLimit {
            let open = answers.indices.filter { answers[$0] == nil }
            if open.isEmpty { break }
            var places = try takenPlaces(of: open.map { requests[$0] }, connection)
            guard try !adoptStrays(in: places, connection) else { continue }
            var chosen: [(index: Int, slot: Int)] = []
            for index in open {
                let request = requests[index]
                if let slot = places[request.room.userID]?.take(below: request.limit) {
                    chosen.append((index, slot))
                } else {
                    let message = "user \(request.room.userID) has \(request.limit) rooms"
                    answers[index] = .failure(StoreError(.roomLimitReached, message))
                }
            }
            try insert(chosen, of: requests, &answers, connection)
        }
        return answers.map { answer in
            answer ?? .failure(StoreError(.unavailable, "too many rooms of one user are created at once"))
        }
    }

    /// Who lost their place to another instance get no answer yet: they try for another one.
    private static func insert(
        _ chosen: [(index: Int, slot: Int)],
        of requests: [MongoRoomCreation],
        _ answers: inout [Result<Void, StoreError>?],
        _ connection: borrowing MongoConnection
    ) throws(MongoError) {
        let result = try connection.write(MongoSchema.rooms) { bulk throws(MongoError) in
            for (index, slot) in chosen {
                try bulk.insert(requests[index].room.document.append("slot", .int32(Int32(clamping: slot))))
            }
        }
        for (index, _) in chosen { answers[index] = .success(()) }
        for error in result.errors {
            let index = chosen[error.index].index
            answers[index] = error.isDuplicate(of: MongoSchema.roomSlot) ? nil : .failure(error.storeError)
        }
    }

    // MARK: Places

    private static func takenPlaces(
        of requests: [MongoRoomCreation],
        _ connection: borrowing MongoConnection
    ) throws(MongoError) -> [String: MongoRoomPlaces] {
        var places: [String: MongoRoomPlaces] = [:]
        for request in requests {
            let limit = min(places[request.room.userID]?.limit ?? .max, request.limit)
            places[request.room.userID] = MongoRoomPlaces(limit: limit)
        }
        try connection.find(
            MongoSchema.rooms,
            ["user_id": .anyOf(places.keys), "is_deleted": .isNot(true)],
            options: ["projection": ["room_id": 1, "user_id": 1, "slot": 1]]
        ) { view throws(MongoError) in
            // What has no id is no room that anybody could use.
            guard let id = view.optionalString("room_id"), let user = view.optionalString("user_id") else { return }
            places[user]?.add(roomID: id, slot: view.optionalInteger("slot"))
        }
        return places
    }

    /// - Returns: whether there were any, here or at another instance: then it must be looked again who has which place.
    private static func adoptStrays(
        in places: [String: MongoRoomPlaces],
        _ connection: borrowing MongoConnection
    ) throws(MongoError) -> Bool {
        let result = try connection.write(MongoSchema.rooms) { bulk throws(MongoError) in
            for var place in places.values {
                for stray in place.strays {
                    guard let slot = place.adopt() else { break }
                    let before: BSONValue = stray.slot.map { .int64(Int64($0)) } ?? ["$exists": false]
                    // Whoever is refused, as another instance was quicker, is a stray again in the next round.
                    try bulk.update(
                        ["room_id": .string(stray.roomID), "is_deleted": .isNot(true), "slot": before],
                        .change(set: ["slot": .int32(Int32(clamping: slot))])
                    )
                }
            }
        }
        return result.matched > 0 || !result.errors.isEmpty
    }
}

/// Which of a user's places are taken.
struct MongoRoomPlaces {
    let limit: Int
    private var taken: Set<Int> = []
    /// Live rooms without a place below the limit.
    private(set) var strays: [(roomID: String, slot: Int?)] = []

    init(limit: Int) {
        self.limit = limit
    }

    mutating func add(roomID: String, slot: Int?) {
        if let slot, (0..<max(0, limit)).contains(slot) {
            taken.insert(slot)
        } else {
            strays.append((roomID, slot))
        }
    }

    /// A place for a new room; nil when there are `limit` rooms.
    mutating func take(below limit: Int) -> Int? {
        guard taken.count + strays.count < limit else { return nil }
        return free(below: limit)
    }

    /// A place for a stray; nil when there is none left.
    mutating func adopt() -> Int? {
        taken.count < limit ? free(below: limit) : nil
    }

    /// Any, rather than the lowest: instances that look at the same time then seldom choose the same.
    private mutating func free(below limit: Int) -> Int? {
        let range = 0..<min(limit, taken.count * 2 + 64)
        for _ in 0..<8 {
            let slot = Int.random(in: range)
            if taken.insert(slot).inserted { return slot }
        }
        guard let slot = range.first(where: { !taken.contains($0) }) else { return nil }
        taken.insert(slot)
        return slot
    }
}
