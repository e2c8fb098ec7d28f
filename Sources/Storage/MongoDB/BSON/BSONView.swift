import CMongoC
import Primitives

/// A BSON document for reading, in memory that belongs to someone else: a cursor, a reply. It cannot be copied, so that it
/// stays inside the call that was given it.
struct BSONView: ~Copyable {
    private let bytes: UnsafePointer<UInt8>
    private let count: Int
    /// What errors call the document: mostly its collection.
    let place: String

    /// Not inlined: the optimizer of Swift 6.3.1 aborts where it specializes a caller with the parts of a type that cannot be
    /// copied inside.
    ///
    /// - Parameter document: a `bson_t`.
    @inline(never)
    init(_ document: OpaquePointer, place: String) {
        bytes = bson_get_data(document)
        count = Int(UnsafePointer<bson_t>(document).pointee.len)
        self.place = place
    }

    // MARK: Fields that must be there

    func string(_ field: StaticString) throws(MongoError) -> String {
        guard let text = optionalString(field) else { throw fault(field, "text") }
        return text
    }

    func date(_ field: StaticString) throws(MongoError) -> Timestamp {
        guard let time = optionalDate(field) else { throw fault(field, "date") }
        return time
    }

    func integer(_ field: StaticString) throws(MongoError) -> Int {
        guard let number = optionalInteger(field) else { throw fault(field, "number") }
        return number
    }

    // MARK: Fields that may be missing, null, or of another type: then nil

    func optionalString(_ field: StaticString) -> String? {
        var found = iterator(at: field)
        return found?.text
    }

    func optionalDate(_ field: StaticString) -> Timestamp? {
        guard var found = iterator(at: field), found.type == BSON_TYPE_DATE_TIME else { return nil }
        return found.date
    }

    /// Any kind of number, as programs that think in floating point write counts so.
    func optionalInteger(_ field: StaticString) -> Int? {
        guard var found = iterator(at: field) else { return nil }
        switch found.type {
        case BSON_TYPE_INT32, BSON_TYPE_INT64: return Int(found.integer)
        case BSON_TYPE_DOUBLE: return Int(exactly: found.double)
        default: return nil
        }
    }

    func optionalBool(_ field: StaticString) -> Bool? {
        guard var found = iterator(at: field), found.type == BSON_TYPE_BOOL else { return nil }
        return found.bool
    }

    func optionalObjectID(_ field: StaticString) -> BSONObjectID? {
        guard var found = iterator(at: field), found.type == BSON_TYPE_OID else { return nil }
        return found.objectID
    }

    func optionalObject(_ field: StaticString) -> JSONObject? {
        guard var found = iterator(at: field), found.type == BSON_TYPE_DOCUMENT else { return nil }
        return found.json.objectValue
    }

    /// Calls `body` with the nested document, if the field is one.
    func withDocument<Value, Failure: Error>(
        _ field: StaticString,
        _ body: (borrowing BSONView) throws(Failure) -> Value
    ) throws(Failure) -> Value? {
        guard var found = iterator(at: field), let view = BSONView(&found, place: place) else { return nil }
        return try body(view)
    }

    /// Calls `body` with each document of the array, if the field is one.
    func forEachDocument<Failure: Error>(
        in field: StaticString,
        _ body: (borrowing BSONView) throws(Failure) -> Void
    ) throws(Failure) {
        guard var elements = elements(of: field) else { return }
        while elements.next() {
            if let view = BSONView(&elements, place: place) { try body(view) }
        }
    }

    /// The texts of an array.
    func strings(in field: StaticString) -> [String] {
        guard var elements = elements(of: field) else { return [] }
        var texts: [String] = []
        while elements.next() {
            if let text = elements.text { texts.append(text) }
        }
        return texts
    }

    /// All of it, encoded.
    var buffer: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: bytes, count: count) }

    /// The first field, if it is text: in a command, the name of the collection.
    var firstString: String? {
        guard var iterator = BSONIterator(bytes: bytes, count: count), iterator.next() else { return nil }
        return iterator.text
    }

    /// All of it, as JSON.
    var object: JSONObject {
        var iterator = BSONIterator(bytes: bytes, count: count)
        return iterator?.members ?? [:]
    }

    /// What `read` makes of it, or what it misses.
    func decoded<Value>(
        _ read: (borrowing BSONView) throws(MongoError) -> Value
    ) -> Result<Value, StoreError> {
        do throws(MongoError) {
            return .success(try read(self))
        } catch {
            return .failure(error.storeError)
        }
    }

    // MARK: Inside

    /// The document at the iterator's place; nil when it is none.
    @inline(never)
    private init?(_ iterator: inout BSONIterator, place: String) {
        guard let document = iterator.document, let start = document.baseAddress else { return nil }
        bytes = start
        count = document.count
        self.place = place
    }

    private func iterator(at field: StaticString) -> BSONIterator? {
        guard var iterator = BSONIterator(bytes: bytes, count: count), iterator.find(field) else { return nil }
        return iterator
    }

    private func elements(of field: StaticString) -> BSONIterator? {
        guard var array = iterator(at: field), array.type == BSON_TYPE_ARRAY else { return nil }
        return array.children()
    }

    private func fault(_ field: StaticString, _ type: String) -> MongoError {
        .store(StoreError(.failed, "\(place): the field \(field) is missing or no \(type)"))
    }
}
