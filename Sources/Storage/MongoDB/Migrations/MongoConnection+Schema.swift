import CMongoC
import Primitives

extension MongoConnection {
    private enum Code {
        static let namespaceNotFound: UInt32 = 26
        static let indexNotFound: UInt32 = 27
        static let namespaceExists: UInt32 = 48
    }

    /// Makes a change, unless it is there already: so each can be made again, after a crash or where another program was
    /// before.
    func apply(_ change: MongoSchemaChange) throws(MongoError) {
        switch change {
        case .create(let collection):
            try schemaCommand("create", collection, unless: [Code.namespaceExists])
        case .createIndexes(let collection, let wanted):
            let changes = MongoIndexChanges(wanted: wanted, existing: try indexes(of: collection) ?? [])
            for name in changes.dropped { try dropIndex(name, of: collection) }
            guard !changes.created.isEmpty else { return }
            let created = JSONValue.array(changes.created.map { .object($0.object) })
            try schemaCommand("createIndexes", collection, with: ("indexes", created))
        case .dropIndexes(let collection, let names):
            for name in names { try dropIndex(name, of: collection) }
        case .drop(let collection):
            try schemaCommand("drop", collection, unless: [Code.namespaceNotFound])
        }
    }

    /// Nil when there is no such collection.
    func indexes(of collection: String) throws(MongoError) -> [MongoIndexDescription]? {
        do throws(MongoError) {
            return try command("listIndexes \(collection)", ["listIndexes": .string(collection)]) { reply in
                // A collection has 64 indexes at most, fewer than a first batch holds.
                reply.withDocument("cursor") { cursor in
                    var indexes: [MongoIndexDescription] = []
                    cursor.forEachDocument(in: "firstBatch") { indexes.append(MongoIndexDescription($0.object)) }
                    return indexes
                }
            }
        } catch {
            guard case .server(let failure) = error, failure.code == Code.namespaceNotFound else { throw error }
            return nil
        }
    }

    private func dropIndex(_ name: String, of collection: String) throws(MongoError) {
        try schemaCommand(
            "dropIndexes",
            collection,
            with: ("index", .string(name)),
            unless: [Code.indexNotFound, Code.namespaceNotFound]
        )
    }

    private func schemaCommand(
        _ name: String,
        _ collection: String,
        with argument: (key: String, value: JSONValue)? = nil,
        unless harmless: [UInt32] = []
    ) throws(MongoError) {
        var command = JSONObject()
        command[name] = .string(collection)
        if let argument { command[argument.key] = argument.value }
        // A primary that is voted out must not take the step with it after its record says it is done.
        command["writeConcern"] = ["w": "majority"]
        do throws(MongoError) {
            try self.command("\(name) \(collection)", try BSONDocument(schema: command)) { _ in }
        } catch {
            guard case .server(let failure) = error, harmless.contains(failure.code) else { throw error }
        }
    }
}

extension BSONDocument {
    /// A command of this program's own migrations, never data of users. Integers are 32-bit ones where they fit, which is
    /// how other programs write the direction of a key.
    fileprivate convenience init(schema command: JSONObject) throws(MongoError) {
        let text = JSONValue.object(command).encoded
        var error = bson_error_t()
        guard let parsed = bson_new_from_json(text, text.count, &error) else {
            throw .server(MongoFailure("parse a migration", &error))
        }
        defer { bson_destroy(parsed) }
        self.init(bytes: Array(BSONView(parsed, place: "migration").buffer))
    }
}
