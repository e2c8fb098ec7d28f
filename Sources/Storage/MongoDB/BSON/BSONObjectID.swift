import CMongoC

/// A 12-byte identifier of a document. Those that one process makes grow, so that they tell which of two documents came later.
struct BSONObjectID {
    var value: bson_oid_t

    /// A new one.
    init() {
        MongoLibrary.start()
        value = bson_oid_t()
        bson_oid_init(&value, nil)
    }

    init(_ value: bson_oid_t) {
        self.value = value
    }

    /// 24 hexadecimal digits.
    var text: String {
        var value = value
        return withUnsafeBytes(of: &value) { bytes in
            bytes.reduce(into: "") { text, byte in
                text += (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }
    }
}
