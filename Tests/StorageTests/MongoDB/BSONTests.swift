import CMongoC
import Primitives
import Testing

@testable import Storage

@Suite struct `BSON documents` {
    private static let trickyObject: JSONObject = [
        "$where": "1 == 1", "a.b": ["$gt": nil], "": "empty key", "ключ": "значение ☂ 👩‍👩‍👧", "nul": "a\u{0}b",
        "a\u{0}key": 1, "\u{10FFFF}": 2, "\u{10FFFF}0": 3, "a\u{10FFFF}\u{0}": 4,
        "numbers": [1, -2.5, 1e300, 0.0, .integer(.max), .integer(.min)], "others": [true, false, nil, [:], []],
        "deep": [["deeper": ["$set": [[[]]]]]], "_id": "an id", "0": "digits",
    ]

    @Test func `a JSON object comes back with every key and every type as it was`() throws {
        let document: BSONDocument = ["metadata": .json(.object(Self.trickyObject))]
        let back = try #require(document.read { $0.optionalObject("metadata") })
        #expect(back == Self.trickyObject)
        #expect(back.members.map(\.key) == Self.trickyObject.members.map(\.key))
    }

    @Test func `keys are stored as they are, but for NUL and the escape itself`() {
        for key in ["$where", "a.b", "", "ключ", "👩‍👩‍👧", "_id"] { #expect(BSONKey.stored(key) == key) }
        for key in ["\u{0}", "a\u{0}b\u{0}", "\u{10FFFF}", "\u{10FFFF}0", "\u{10FFFF}1\u{0}", "\u{10FFFE}"] {
            let stored = BSONKey.stored(key)
            #expect(!stored.utf8.contains(0))
            #expect(BSONKey.original(stored) == key)
        }
    }

    @Test func `each type is written as the type that the schema names`() {
        let document: BSONDocument = [
            "null": nil, "bool": true, "int32": 7, "int64": .int64(1 << 40), "double": .double(0.5),
            "text": .string(""), "date": .date(Timestamp(milliseconds: -1)), "id": .objectID(BSONObjectID()),
            "document": ["$in": ["x"]],
            "array": [1, "two"],
        ]
        var iterator = BSONIterator(
            bytes: bson_get_data(document.pointer),
            count: document.byteCount
        )
        var types: [bson_type_t] = []
        while iterator?.next() == true { if let type = iterator?.type { types.append(type) } }
        #expect(
            types == [
                BSON_TYPE_NULL, BSON_TYPE_BOOL, BSON_TYPE_INT32, BSON_TYPE_INT64, BSON_TYPE_DOUBLE, BSON_TYPE_UTF8,
                BSON_TYPE_DATE_TIME, BSON_TYPE_OID, BSON_TYPE_DOCUMENT, BSON_TYPE_ARRAY,
            ]
        )
        document.read { view in
            #expect(view.optionalBool("bool") == true)
            #expect(view.optionalInteger("int32") == 7)
            #expect(view.optionalInteger("int64") == 1 << 40)
            #expect(view.optionalString("text") == "")
            #expect(view.optionalDate("date") == Timestamp(milliseconds: -1))
            #expect(view.strings(in: "array") == ["two"])
            #expect(view.withDocument("document") { $0.strings(in: "$in") } == ["x"])
        }
    }

    @Test func `a field that is missing or of another type is named with its collection`() {
        let document: BSONDocument = ["room_id": 7, "created_at": "today"]
        document.read(place: "chat_rooms") { view in
            for (field, message) in [
                ("room_id", "chat_rooms: the field room_id is missing or no text"),
                ("user_id", "chat_rooms: the field user_id is missing or no text"),
            ] {
                do throws(MongoError) {
                    _ = field == "room_id" ? try view.string("room_id") : try view.string("user_id")
                    Issue.record("no error for \(field)")
                } catch {
                    #expect(error.storeError == StoreError(.failed, message))
                }
            }
            #expect(view.optionalDate("created_at") == nil)
            #expect(view.optionalString("nothing") == nil)
        }
    }

    @Test func `numbers of any kind count`() {
        let document: BSONDocument = ["double": .double(3), "nan": .double(.nan), "huge": .double(1e300), "text": "3"]
        document.read { view in
            #expect(view.optionalInteger("double") == 3)
            #expect(view.optionalInteger("nan") == nil)
            #expect(view.optionalInteger("huge") == nil)
            #expect(view.optionalInteger("text") == nil)
        }
    }

    @Test func `types that JSON does not have are shown as text`() throws {
        let id = BSONObjectID()
        let document: BSONDocument = ["date": .date(time(0)), "id": .objectID(id)]
        #expect(document.read { $0.object } == ["date": "2026-01-01T00:00:00.000Z", "id": .string(id.text)])
        #expect(id.text.count == 24)
    }

    @Test func `object ids grow`() {
        let ids = (0..<1000).map { _ in BSONObjectID().text }
        #expect(ids == ids.sorted())
        #expect(Set(ids).count == 1000)
    }

    @Test func `an unavailable server is told from a refused operation`() {
        func failure(_ domain: mongoc_error_domain_t, _ code: UInt32, _ labels: [String] = []) -> StoreError.Code {
            MongoFailure(operation: "find x", domain: domain.rawValue, code: code, message: "", labels: labels)
                .storeError.code
        }
        #expect(failure(MONGOC_ERROR_STREAM, 4) == .unavailable)
        #expect(failure(MONGOC_ERROR_SERVER_SELECTION, 13053) == .unavailable)
        #expect(failure(MONGOC_ERROR_SERVER, 10107) == .unavailable)
        #expect(failure(MONGOC_ERROR_SERVER, 91) == .unavailable)
        #expect(failure(MONGOC_ERROR_SERVER, 1, ["RetryableWriteError"]) == .unavailable)
        #expect(failure(MONGOC_ERROR_SERVER, 1, ["TransientTransactionError"]) == .unavailable)
        #expect(failure(MONGOC_ERROR_WRITE_CONCERN, 64) == .unavailable)
        #expect(failure(MONGOC_ERROR_SERVER, 11000) == .failed)
        #expect(failure(MONGOC_ERROR_COMMAND, 22) == .failed)
    }

    @Test func `a duplicate is told by the index that refused it, however servers say it`() {
        typealias WriteError = MongoWriteResult.WriteError
        let errors = [
            WriteError(index: 0, code: 11_000, message: "", keys: ["user_id", "slot"]),
            WriteError(
                index: 0,
                code: 11_000,
                message: "E11000 duplicate key error collection: c.chat_rooms index: user_slot_unique_idx dup key: {}"
            ),
            WriteError(
                index: 0,
                code: 11_000,
                message: "UNIQUE constraint failed: index 'idx_chat_rooms_user_id_slot'"
            ),
        ]
        for error in errors {
            #expect(error.isDuplicate(of: MongoSchema.roomSlot))
            #expect(!error.isDuplicate(of: MongoSchema.roomID))
        }
        let other = WriteError(index: 0, code: 50, message: "user_slot_unique_idx ")
        #expect(!other.isDuplicate(of: MongoSchema.roomSlot))
    }
}
