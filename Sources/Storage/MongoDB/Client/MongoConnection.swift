import CMongoC

/// A client of the pool, in use by one thread for one job. Every call blocks the thread.
struct MongoConnection: ~Copyable {
    private let client: OpaquePointer
    private let database: String

    /// Not inlined, as Swift 6.3.1's optimizer fails where it is.
    @inline(never)
    init(client: OpaquePointer, database: String) {
        self.client = client
        self.database = database
    }

    // MARK: Reading

    /// Calls `body` with each document found.
    func find(
        _ collection: String,
        _ filter: BSONDocument,
        options: BSONDocument? = nil,
        from members: MongoReadMembers = .primary,
        _ body: (borrowing BSONView) throws(MongoError) -> Void
    ) throws(MongoError) {
        try withCollection(collection) { handle throws(MongoError) in
            let preference = members.preference
            let cursor = mongoc_collection_find_with_opts(handle, filter.pointer, options?.pointer, preference)
            try read(cursor, "find \(collection)", place: collection, body)
        }
    }

    /// The first document found, as `body` reads it.
    func findOne<Value>(
        _ collection: String,
        _ filter: BSONDocument,
        options: BSONDocument = [:],
        _ body: (borrowing BSONView) throws(MongoError) -> Value
    ) throws(MongoError) -> Value? {
        var found: Value?
        options.append("limit", .int64(1)).append("singleBatch", true)
        try find(collection, filter, options: options) { view throws(MongoError) in found = try body(view) }
        return found
    }

    func aggregate(
        _ collection: String,
        _ stages: [BSONDocument],
        _ body: (borrowing BSONView) throws(MongoError) -> Void
    ) throws(MongoError) {
        let pipeline: BSONDocument = ["pipeline": .array(stages.map { .document($0) })]
        try withCollection(collection) { handle throws(MongoError) in
            let preference = MongoReadMembers.primary.preference
            let cursor = mongoc_collection_aggregate(handle, MONGOC_QUERY_NONE, pipeline.pointer, nil, preference)
            try read(cursor, "aggregate \(collection)", place: collection, body)
        }
    }

    /// How many documents match. The filter must name a field: then the number is true in a sharded cluster as well.
    func count(
        _ collection: String,
        _ filter: BSONDocument,
        from members: MongoReadMembers = .primary
    ) throws(MongoError) -> Int {
        let command: BSONDocument = ["count": .string(collection), "query": .document(filter)]
        let reply = BSONDocument()
        var error = bson_error_t()
        let succeeded = mongoc_client_read_command_with_opts(
            client,
            database,
            command.pointer,
            members.preference,
            nil,
            reply.pointer,
            &error
        )
        guard succeeded else { throw .server(MongoFailure("count \(collection)", &error, reply: reply)) }
        return try reply.read(place: "count \(collection)") { reply throws(MongoError) in try reply.integer("n") }
    }

    // MARK: Writing

    /// Only read, by all threads.
    nonisolated(unsafe) private static let unordered: BSONDocument = ["ordered": false]

    /// Sends what `fill` adds as one bulk write, in any order. Nothing added: nothing sent.
    ///
    /// - Returns: what was done; writes that were refused each for itself are among its `errors`.
    /// - Throws: when the whole was not done, or not acknowledged by the majority.
    func write(
        _ collection: String,
        _ fill: (inout MongoBulk) throws(MongoError) -> Void
    ) throws(MongoError) -> MongoWriteResult {
        try withCollection(collection) { handle throws(MongoError) in
            guard let pointer = mongoc_collection_create_bulk_operation_with_opts(handle, Self.unordered.pointer)
            else {
                throw .store(StoreError(.failed, "mongodb write \(collection): no bulk operation"))
            }
            defer { mongoc_bulk_operation_destroy(pointer) }
            var bulk = MongoBulk(pointer)
            try fill(&bulk)
            guard bulk.count > 0 else { return MongoWriteResult() }
            return try execute(pointer, "write \(collection)")
        }
    }

    private func execute(_ bulk: OpaquePointer, _ operation: String) throws(MongoError) -> MongoWriteResult {
        let reply = BSONDocument()
        var error = bson_error_t()
        let succeeded = mongoc_bulk_operation_execute(bulk, reply.pointer, &error) != 0
        let result = reply.read(place: operation) { MongoWriteResult(reply: $0) }
        // Refusals of single writes fail the whole call as well; with these, the callers deal one by one. But a write
        // concern that was not met concerns them all.
        let isAcknowledged = reply.read(place: operation) { reply in
            var isAcknowledged = true
            reply.forEachDocument(in: "writeConcernErrors") { _ in isAcknowledged = false }
            return isAcknowledged
        }
        guard !succeeded else { return result }
        // Nor may the connection have broken behind the first refusals.
        let failure = MongoFailure(operation, &error, reply: reply)
        guard !result.errors.isEmpty, isAcknowledged, !failure.isUnavailable else { throw .server(failure) }
        return result
    }

    /// Changes one document, as one step for all who look.
    ///
    /// - Returns: what `body` reads in the document as it is afterwards; nil when there was none.
    func findAndUpdate<Value>(
        _ collection: String,
        _ filter: BSONDocument,
        _ change: BSONDocument,
        _ body: (borrowing BSONView) throws(MongoError) -> Value
    ) throws(MongoError) -> Value? {
        try withCollection(collection) { handle throws(MongoError) in
            let options = mongoc_find_and_modify_opts_new()
            defer { mongoc_find_and_modify_opts_destroy(options) }
            mongoc_find_and_modify_opts_set_update(options, change.pointer)
            mongoc_find_and_modify_opts_set_flags(options, MONGOC_FIND_AND_MODIFY_RETURN_NEW)
            let reply = BSONDocument()
            var error = bson_error_t()
            let succeeded = mongoc_collection_find_and_modify_with_opts(
                handle,
                filter.pointer,
                options,
                reply.pointer,
                &error
            )
            guard succeeded else {
                throw .server(MongoFailure("findAndModify \(collection)", &error, reply: reply))
            }
            return try reply.read(place: collection) { reply throws(MongoError) in
                try reply.withDocument("value") { value throws(MongoError) in try body(value) }
            }
        }
    }

    /// Runs any command, once.
    func command<Value>(
        _ name: String,
        _ command: BSONDocument,
        _ body: (borrowing BSONView) throws(MongoError) -> Value
    ) throws(MongoError) -> Value {
        let reply = BSONDocument()
        var error = bson_error_t()
        guard mongoc_client_command_simple(client, database, command.pointer, nil, reply.pointer, &error) else {
            throw .server(MongoFailure(name, &error, reply: reply))
        }
        return try reply.read(place: name, body)
    }

    // MARK: Inside

    private func withCollection<Value>(
        _ name: String,
        _ body: (OpaquePointer) throws(MongoError) -> Value
    ) throws(MongoError) -> Value {
        guard let handle = mongoc_client_get_collection(client, database, name) else {
            throw .store(StoreError(.failed, "mongodb: no collection \(name)"))
        }
        defer { mongoc_collection_destroy(handle) }
        return try body(handle)
    }

    private func read(
        _ cursor: OpaquePointer?,
        _ operation: String,
        place: String,
        _ body: (borrowing BSONView) throws(MongoError) -> Void
    ) throws(MongoError) {
        defer { mongoc_cursor_destroy(cursor) }
        var document: OpaquePointer?
        while mongoc_cursor_next(cursor, &document) {
            if let document { try body(BSONView(document, place: place)) }
        }
        var error = bson_error_t()
        var reply: OpaquePointer?
        guard mongoc_cursor_error_document(cursor, &error, &reply) else { return }
        var failure = MongoFailure(operation, &error)
        if let reply { failure.labels = BSONView(reply, place: operation).strings(in: "errorLabels") }
        throw .server(failure)
    }
}
