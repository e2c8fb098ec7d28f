import Primitives
import Synchronization

/// The store for production: MongoDB 6 or later, a replica set by preference, shared by any number of instances.
///
/// There are no transactions of several documents, which standalone servers do not have: each change is one document's,
/// or is ordered so that a crash between two of them leaves nothing that a client sees, and something that `interruptOrphans`
/// or an expiry index puts right. A call that changes something returns when the majority has it.
package final class MongoStore: Store {
    package let backend = "mongodb"
    package let isShared = true
    package let location: String

    let pool: MongoClientPool
    let roomCreations: MongoGatherer<MongoRoomCreation, Void>
    let roomLookups: MongoGatherer<String, Room?>
    let sessionLookups: MongoGatherer<String, Session?>
    let sessionInsertions: MongoGatherer<Session, Void>
    let beginnings: MongoGatherer<MongoBeginning, Void>
    let endings: MongoGatherer<ConversationEnd, Bool>
    /// When running answers without a record were last looked for.
    let lastSweep = Mutex<Timestamp?>(nil)

    /// Makes the store, also while no server can be reached: calls throw `.unavailable` until one is.
    ///
    /// - Parameter requiresSchema: whether calls throw `.schemaMismatch` until the database is at the newest step of
    ///   this program's migrations. It is looked at with each call until it is, and not again.
    /// - Throws: `.failed` for a connection string that is none.
    package init(_ options: MongoOptions, requiresSchema: Bool = false) throws(StoreError) {
        var options = options
        if requiresSchema {
            options.check = { connection throws(MongoError) in try connection.checkSchema() }
        }
        pool = try MongoClientPool(options)
        location = "database \(options.database)"
        roomCreations = MongoGatherer(pool, MongoRoomCreation.perform)
        roomLookups = MongoGatherer(pool, Room.find)
        sessionLookups = MongoGatherer(pool, Session.find)
        sessionInsertions = MongoGatherer(pool, Session.insert)
        beginnings = MongoGatherer(pool, MongoBeginning.perform)
        endings = MongoGatherer(pool, ConversationEnd.perform)
    }

    deinit {
        pool.close()
    }

    package var queues: [StoreQueue] {
        let gathered = [
            roomCreations.waitingCount, roomLookups.waitingCount, sessionLookups.waitingCount,
            sessionInsertions.waitingCount, beginnings.waitingCount, endings.waitingCount,
        ]
        return [StoreQueue("pool", count: pool.waitingCount), StoreQueue("gathered", count: gathered.reduce(0, +))]
    }

    /// libmongoc does not tell.
    package var memoryByteCount: Int? { nil }

    package func ping() async throws(StoreError) {
        try await pool.run { connection throws(MongoError) in
            try connection.command("ping", ["ping": 1]) { _ in }
        }
    }

    /// Creates the collections and indexes that are not there.
    ///
    /// - Parameter expiring: false for tests with a clock of their own: by the server's, all that they store has expired.
    func createIndexes(expiring: Bool = true) async throws(StoreError) {
        try await pool.run { connection throws(MongoError) in
            for collection in [MongoSchema.rooms, MongoSchema.conversations, MongoSchema.streams, MongoSchema.sessions]
            {
                var indexes = MongoSchema.indexes.filter { $0.collection == collection }
                if !expiring { for index in indexes.indices { indexes[index].expireAfterSeconds = nil } }
                let command: BSONDocument = [
                    "createIndexes": .string(collection),
                    "indexes": .array(indexes.map { .document($0.specification) }),
                ]
                try connection.command("createIndexes \(collection)", command) { _ in }
            }
        }
    }

    package func close() async {
        pool.close()
        await pool.finish()
    }
}

extension BSONDocument {
    /// `update` with what it sets and counts up; nothing to count up is left out, as servers refuse an empty operator.
    static func change(set: BSONDocument, increase: BSONDocument? = nil) -> BSONDocument {
        let change: BSONDocument = ["$set": .document(set)]
        return change.append("$inc", ifPresent: increase.map { .document($0) })
    }
}

extension MongoWriteResult.WriteError {
    var storeError: StoreError {
        MongoFailure(
            operation: "write",
            domain: MongoFailure.serverDomain,
            code: UInt32(clamping: code),
            message: message
        )
        .storeError
    }
}
