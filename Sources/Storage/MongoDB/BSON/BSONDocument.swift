import CMongoC
import Primitives

/// A BSON document (bsonspec.org, version 1.1) that is being built. It owns its memory, and frees it once.
///
/// Not sendable: documents are built on the thread that sends them.
final class BSONDocument: ExpressibleByDictionaryLiteral {
    /// The `bson_t` that functions of libbson and libmongoc take. Valid as long as the document is.
    let pointer: OpaquePointer

    init() {
        pointer = bson_new()
    }

    convenience init(_ fields: [(StaticString, BSONValue)]) {
        self.init()
        for (key, value) in fields { append(key, value) }
    }

    convenience init(dictionaryLiteral elements: (StaticString, BSONValue)...) {
        self.init(elements)
    }

    /// A copy of an encoded document; empty when the bytes are none.
    convenience init(bytes: [UInt8]) {
        self.init()
        withUnsafeTemporaryAllocation(of: bson_t.self, capacity: 1) { view in
            guard let view = view.baseAddress.map({ OpaquePointer($0) }),
                bson_init_static(view, bytes, bytes.count)
            else { return }
            bson_concat(pointer, view)
        }
    }

    deinit {
        bson_destroy(pointer)
    }

    /// In encoded form.
    var byteCount: Int { Int(UnsafePointer<bson_t>(pointer).pointee.len) }

    /// The keys of a document are names that this program knows, never data: hence the type.
    @discardableResult
    func append(_ key: StaticString, _ value: BSONValue) -> Self {
        BSONAppender(pointer: pointer).append(key: Self.bytes(of: key), value)
        return self
    }

    /// Appends `value`, where there is one.
    @discardableResult
    func append(_ key: StaticString, ifPresent value: BSONValue?) -> Self {
        if let value { append(key, value) }
        return self
    }

    /// The document for reading.
    ///
    /// - Parameter place: what errors call it.
    func read<Value, Failure: Error>(
        place: String = "document",
        _ body: (borrowing BSONView) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        defer { withExtendedLifetime(self) {} }
        return try body(BSONView(pointer, place: place))
    }

    private static func bytes(of key: StaticString) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount)
    }
}

/// Appends to a document or to an array in it.
struct BSONAppender {
    let pointer: OpaquePointer

    func append(key: UnsafeBufferPointer<UInt8>, _ value: BSONValue) {
        switch value {
        case .null: check(withKey(key) { bson_append_null(pointer, $0, $1) })
        case .bool(let value): check(withKey(key) { bson_append_bool(pointer, $0, $1, value) })
        case .int32(let value): check(withKey(key) { bson_append_int32(pointer, $0, $1, value) })
        case .int64(let value): check(withKey(key) { bson_append_int64(pointer, $0, $1, value) })
        case .double(let value): check(withKey(key) { bson_append_double(pointer, $0, $1, value) })
        case .string(let value): append(key: key, text: value)
        case .date(let value): check(withKey(key) { bson_append_date_time(pointer, $0, $1, value.milliseconds) })
        case .objectID(var value): check(withKey(key) { bson_append_oid(pointer, $0, $1, &value.value) })
        case .document(let value): check(withKey(key) { bson_append_document(pointer, $0, $1, value.pointer) })
        case .array(let values):
            nest(key: key, begin: bson_append_array_begin, end: bson_append_array_end) { array in
                array.append(elements: values)
            }
        case .json(let value): append(key: key, json: value)
        }
    }

    func append(elements: [BSONValue]) {
        for (index, value) in elements.enumerated() {
            withKey(index) { append(key: $0, value) }
        }
    }

    /// With its length, as a NUL is a character like others.
    func append(key: UnsafeBufferPointer<UInt8>, text: String) {
        var text = text
        text.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { bytes in
                // An empty text may have no memory at all, which libbson would take for null.
                let start = bytes.baseAddress ?? UnsafePointer(Self.empty)
                check(withKey(key) { bson_append_utf8(pointer, $0, $1, start, Int32(bytes.count)) })
            }
        }
    }

    typealias Begin = (OpaquePointer?, UnsafePointer<CChar>?, Int32, OpaquePointer?) -> Bool
    typealias End = (OpaquePointer?, OpaquePointer?) -> Bool

    func nest(
        key: UnsafeBufferPointer<UInt8>,
        begin: Begin,
        end: End,
        _ body: (BSONAppender) -> Void
    ) {
        withUnsafeTemporaryAllocation(of: bson_t.self, capacity: 1) { child in
            guard let child = child.baseAddress.map({ OpaquePointer($0) }) else { return }
            check(withKey(key) { begin(pointer, $0, $1, child) })
            body(BSONAppender(pointer: child))
            check(end(pointer, child))
        }
    }

    func withKey<Result>(_ index: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        var text = String(index)
        return text.withUTF8 { body($0) }
    }

    private func withKey(
        _ key: UnsafeBufferPointer<UInt8>,
        _ body: (UnsafePointer<CChar>, Int32) -> Bool
    ) -> Bool {
        key.withMemoryRebound(to: CChar.self) { key in
            body(key.baseAddress ?? UnsafePointer(Self.empty), Int32(key.count))
        }
    }

    private nonisolated(unsafe) static let empty: UnsafeMutablePointer<CChar> = {
        let pointer = UnsafeMutablePointer<CChar>.allocate(capacity: 1)
        pointer.initialize(to: 0)
        return pointer
    }()

    /// Appending fails for a key with a NUL, which is escaped before, and beyond 2 GiB, which no caller reaches.
    private func check(_ succeeded: Bool) {
        precondition(succeeded, "a BSON document cannot take the value")
    }
}
