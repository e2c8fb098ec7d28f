import CMongoC
import Primitives

/// Goes over the fields of a document, or the elements of an array, checking each against the document's end.
/// Valid as long as the document's memory is.
struct BSONIterator {
    private var state = bson_iter_t()

    /// Nil when the bytes are no document.
    init?(bytes: UnsafePointer<UInt8>, count: Int) {
        guard call({ bson_iter_init_from_data($0, bytes, count) }) else { return nil }
    }

    private init() {}

    /// Swift sees the library's pointers to iterators as opaque ones.
    private mutating func call<Result>(_ body: (OpaquePointer) -> Result) -> Result {
        withUnsafeMutablePointer(to: &state) { body(OpaquePointer($0)) }
    }

    mutating func next() -> Bool { call { bson_iter_next($0) } }

    /// Moves on to the field of this name; false when there is none from here on.
    mutating func find(_ field: StaticString) -> Bool {
        field.utf8Start.withMemoryRebound(to: CChar.self, capacity: field.utf8CodeUnitCount) { key in
            call { bson_iter_find_w_len($0, key, Int32(field.utf8CodeUnitCount)) }
        }
    }

    /// The elements of the array, or fields of the document, at this place.
    mutating func children() -> BSONIterator? {
        var child = BSONIterator()
        let entered = call { parent in child.call { bson_iter_recurse(parent, $0) } }
        return entered ? child : nil
    }

    // MARK: What is at this place; each getter only for its own type

    var type: bson_type_t {
        mutating get { call { bson_iter_type($0) } }
    }

    var key: String {
        mutating get { call { bson_iter_key($0).map { String(cString: $0) } ?? "" } }
    }

    var bool: Bool {
        mutating get { call { bson_iter_bool($0) } }
    }

    /// Of either type of integer.
    var integer: Int64 {
        mutating get { call { bson_iter_as_int64($0) } }
    }

    var double: Double {
        mutating get { call { bson_iter_double($0) } }
    }

    var date: Timestamp {
        mutating get { Timestamp(milliseconds: call { bson_iter_date_time($0) }) }
    }

    var objectID: BSONObjectID? {
        mutating get { call { bson_iter_oid($0) }.map { BSONObjectID($0.pointee) } }
    }

    /// Nil when it is no text.
    var text: String? {
        mutating get {
            var count: UInt32 = 0
            guard type == BSON_TYPE_UTF8, let start = call({ bson_iter_utf8($0, &count) }) else { return nil }
            return start.withMemoryRebound(to: UInt8.self, capacity: Int(count)) { start in
                String(decoding: UnsafeBufferPointer(start: start, count: Int(count)), as: UTF8.self)
            }
        }
    }

    /// The bytes of the document at this place; nil when it is none.
    var document: UnsafeBufferPointer<UInt8>? {
        mutating get {
            guard type == BSON_TYPE_DOCUMENT else { return nil }
            var count: UInt32 = 0
            var start: UnsafePointer<UInt8>?
            call { bson_iter_document($0, &count, &start) }
            return UnsafeBufferPointer(start: start, count: Int(count))
        }
    }
}
