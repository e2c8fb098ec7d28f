import Primitives

/// A statement of a migration: one command that changes collections or indexes.
enum MongoSchemaChange: Equatable {
    case create(String)
    case createIndexes(String, [MongoIndexDescription])
    case dropIndexes(String, names: [String])
    case drop(String)

    /// - Throws: `.failed` for anything else than the four commands.
    init(_ statement: String) throws(StoreError) {
        guard let command = try? JSONParser.parse(Array(statement.utf8)).objectValue,
            let name = command.members.first, let collection = name.value.stringValue
        else { throw StoreError(.failed, "no command of MongoDB: \(statement)") }
        switch (name.key, command["indexes"]?.arrayValue, command["index"]?.arrayValue) {
        case ("create", nil, nil): self = .create(collection)
        case ("createIndexes", let indexes?, nil):
            self = .createIndexes(collection, indexes.compactMap { $0.objectValue.map { MongoIndexDescription($0) } })
        case ("dropIndexes", nil, let names?): self = .dropIndexes(collection, names: names.compactMap(\.stringValue))
        case ("drop", nil, nil): self = .drop(collection)
        default: throw StoreError(.failed, "no schema command: \(statement)")
        }
    }
}

/// An index as `createIndexes` takes it and `listIndexes` shows it.
struct MongoIndexDescription: Equatable {
    private(set) var object: JSONObject

    init(_ object: JSONObject) {
        self.object = object
    }

    var name: String { object["name"]?.stringValue ?? "" }

    /// Whether both hold the same: by their keys, in this order, and by all options that decide which documents are in
    /// them. Two such indexes cannot be side by side, and one serves for the other.
    func hasSameContent(as other: MongoIndexDescription) -> Bool {
        keys == other.keys && Self.contentOptions.allSatisfy { option($0) == other.option($0) }
    }

    func expiresLike(_ other: MongoIndexDescription) -> Bool {
        object["expireAfterSeconds"]?.doubleValue == other.object["expireAfterSeconds"]?.doubleValue
    }

    private static let contentOptions = ["unique", "sparse", "partialFilterExpression", "collation"]

    /// False is the same as not given.
    private func option(_ name: String) -> JSONValue? {
        object[name] == .bool(false) ? nil : object[name]
    }

    /// Programs that think in floating point write directions so.
    private var keys: [String] {
        let members = object["key"]?.objectValue?.members ?? []
        return members.map { member in
            let direction: String? = member.value.doubleValue.map { "\($0)" }
            return member.key + " " + (direction ?? member.value.stringValue ?? "")
        }
    }
}

/// What `createIndexes` needs so that the indexes of a collection are as wanted.
struct MongoIndexChanges: Equatable {
    /// By name: those that the server would not have beside the wanted ones.
    var dropped: [String] = []
    var created: [MongoIndexDescription] = []

    /// - Parameter existing: may come from another program, so that an index that does the same under another name is left
    ///   as it is, while one of the same name that does something else, or expires otherwise, makes way.
    init(wanted: [MongoIndexDescription], existing: [MongoIndexDescription]) {
        for index in wanted {
            let related = existing.filter { $0.name == index.name || $0.hasSameContent(as: index) }
            let isThere = { (other: MongoIndexDescription) in
                other.hasSameContent(as: index) && other.expiresLike(index)
            }
            dropped += related.filter { !isThere($0) }.map(\.name)
            if !related.contains(where: isThere) { created.append(index) }
        }
    }
}
