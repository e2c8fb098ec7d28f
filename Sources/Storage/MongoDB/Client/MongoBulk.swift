import CMongoC

/// Writes to one collection that go to the server together. Each is done or refused for itself.
struct MongoBulk: ~Copyable {
    private let bulk: OpaquePointer
    private(set) var count = 0

    init(_ bulk: OpaquePointer) {
        self.bulk = bulk
    }

    /// Metadata may have keys that are empty, which the library would refuse; the documents are well-formed as it made them.
    nonisolated(unsafe) private static let unchecked: BSONDocument = ["validate": false]

    mutating func insert(_ document: BSONDocument) throws(MongoError) {
        var error = bson_error_t()
        let added = mongoc_bulk_operation_insert_with_opts(bulk, document.pointer, Self.unchecked.pointer, &error)
        try check(added, "insert", &error)
    }

    /// Changes one document that matches, or all that do.
    mutating func update(
        _ filter: BSONDocument,
        _ change: BSONDocument,
        all isForAll: Bool = false
    ) throws(MongoError) {
        let add = isForAll ? mongoc_bulk_operation_update_many_with_opts : mongoc_bulk_operation_update_one_with_opts
        var error = bson_error_t()
        try check(add(bulk, filter.pointer, change.pointer, Self.unchecked.pointer, &error), "update", &error)
    }

    mutating func removeAll(_ filter: BSONDocument) throws(MongoError) {
        var error = bson_error_t()
        try check(mongoc_bulk_operation_remove_many_with_opts(bulk, filter.pointer, nil, &error), "delete", &error)
    }

    private mutating func check(_ added: Bool, _ operation: String, _ error: inout bson_error_t) throws(MongoError) {
        guard added else { throw .server(MongoFailure(operation, &error)) }
        count += 1
    }
}
