import Primitives
import Testing

@testable import Storage

@Suite struct `Schema changes of MongoDB` {
    private func index(_ name: String, _ key: JSONObject, _ options: JSONObject = [:]) -> MongoIndexDescription {
        var object: JSONObject = ["name": .string(name), "key": .object(key)]
        for member in options.members { object[member.key] = member.value }
        return MongoIndexDescription(object)
    }

    @Test func `the migrations make the indexes that the store counts on`() throws {
        let made = try MongoMigrationBackend.schema(of: MongoMigrations.all)
        #expect(Set(made.keys) == ["chat_rooms", "conversation_history", "active_streams", "sessions"])
        let expected = MongoSchema.indexes.map { "\($0.collection) \($0.specification.read { $0.object }.sorted)" }
        let actual = made.flatMap { collection, indexes in indexes.map { "\(collection) \($0.object.sorted)" } }
        #expect(actual.sorted() == expected.sorted())
        #expect(MongoMigrations.all.map(\.number) == Array(1...MongoMigrations.all.count))
    }

    @Test func `an index that is there is left, under whatever name`() {
        let wanted = [index("a_idx", ["x": 1, "y": -1], ["unique": true])]
        for existing in [
            index("a_idx", ["x": 1, "y": -1], ["unique": true]),
            index("x_1_y_-1", ["x": 1.0, "y": -1], ["unique": true]),
            index("a_idx", ["x": 1, "y": -1], ["unique": true, "sparse": false, "v": 2, "background": true]),
        ] {
            let changes = MongoIndexChanges(wanted: wanted, existing: [existing])
            #expect(changes.created == [])
            #expect(changes.dropped == [])
        }
    }

    @Test func `an index with other keys or options stays beside the wanted one, unless it has its name`() {
        let wanted = [index("a_idx", ["x": 1, "y": -1], ["unique": true])]
        let others: [(JSONObject, JSONObject)] = [
            (["x": 1, "y": 1], ["unique": true]), (["y": -1, "x": 1], ["unique": true]), (["x": 1, "y": -1], [:]),
            (["x": 1, "y": -1], ["unique": true, "partialFilterExpression": ["x": 1]]),
            (["x": 1, "y": "hashed"], ["unique": true]),
        ]
        for (key, options) in others {
            let beside = MongoIndexChanges(wanted: wanted, existing: [index("b", key, options)])
            #expect(beside.created == wanted)
            #expect(beside.dropped == [])
            let inPlace = MongoIndexChanges(wanted: wanted, existing: [index("a_idx", key, options)])
            #expect(inPlace.created == wanted)
            #expect(inPlace.dropped == ["a_idx"])
        }
    }

    @Test func `an index that expires at another time makes way, under whatever name`() {
        let wanted = [index("ttl", ["t": 1], ["expireAfterSeconds": 300])]
        for (name, options) in [("ttl", ["expireAfterSeconds": 60] as JSONObject), ("t_1", [:])] {
            let changes = MongoIndexChanges(wanted: wanted, existing: [index(name, ["t": 1], options)])
            #expect(changes.created == wanted)
            #expect(changes.dropped == [name])
        }
        let same = MongoIndexChanges(wanted: wanted, existing: [index("t_1", ["t": 1], ["expireAfterSeconds": 300.0])])
        #expect(same.created == [])
    }

    @Test(arguments: ["", "{}", #"{"ping": 1}"#, #"{"insert": "a", "documents": []}"#, #"{"createIndexes": "a"}"#])
    func `a statement that is no schema command is refused`(statement: String) {
        #expect(throws: StoreError.self) { try MongoSchemaChange(statement) }
    }
}

extension JSONObject {
    /// With the members in the order of their keys, except inside `key`, where the order counts.
    fileprivate var sorted: String {
        let members = members.sorted { $0.key < $1.key }
        return String(decoding: JSONValue.object(JSONObject(members)).encoded, as: UTF8.self)
    }
}
