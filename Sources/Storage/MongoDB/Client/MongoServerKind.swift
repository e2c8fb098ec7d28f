import CMongoC
import Synchronization

/// Whether the server is MongoDB, or nx-27017, the test server over SQLite.
///
/// That one's quick way of updating stores a date that `$set` names as text of a form of its own; its slow way stores
/// a date. A `$pull` from an array that no document has, which changes nothing anywhere, makes it take the slow way. MongoDB itself
/// never gets to see that. It is told by `readOnly`, which is in the greeting of MongoDB since 3.4.
final class MongoServerKind: Sendable {
    private enum Knowledge {
        static let none = 0
        static let mongoDB = 1
        static let testServer = 2
    }

    private let knowledge = Atomic(Knowledge.none)

    /// What every update must have besides what it is for.
    ///
    /// Asks no server: the greeting was kept. While none has been reached there is nothing known, and no update either.
    func amend(_ change: BSONDocument, client: OpaquePointer) {
        var known = knowledge.load(ordering: .relaxed)
        if known == Knowledge.none {
            known = Self.look(client)
            knowledge.store(known, ordering: .relaxed)
        }
        if known == Knowledge.testServer { change.append("$pull", ["_": ""]) }
    }

    private static func look(_ client: OpaquePointer) -> Int {
        var error = bson_error_t()
        guard let server = mongoc_client_select_server(client, true, nil, &error) else { return Knowledge.none }
        defer { mongoc_server_description_destroy(server) }
        guard let greeting = mongoc_server_description_hello_response(server) else { return Knowledge.none }
        let isReadOnly = BSONView(greeting, place: "hello").optionalBool("readOnly")
        return isReadOnly == nil ? Knowledge.testServer : Knowledge.mongoDB
    }
}
