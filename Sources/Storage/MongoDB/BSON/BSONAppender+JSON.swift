import CMongoC
import Primitives

extension BSONAppender {
    func append(key: UnsafeBufferPointer<UInt8>, json value: JSONValue) {
        switch value {
        case .null: append(key: key, .null)
        case .bool(let value): append(key: key, .bool(value))
        case .integer(let value): append(key: key, .int64(value))
        case .double(let value): append(key: key, .double(value))
        case .string(let value): append(key: key, text: value)
        case .array(let values):
            nest(key: key, begin: bson_append_array_begin, end: bson_append_array_end) { array in
                for (index, value) in values.enumerated() {
                    withKey(index) { array.append(key: $0, json: value) }
                }
            }
        case .object(let object):
            nest(key: key, begin: bson_append_document_begin, end: bson_append_document_end) { document in
                for member in object.members {
                    var key = BSONKey.stored(member.key)
                    key.withUTF8 { document.append(key: $0, json: member.value) }
                }
            }
        }
    }
}

/// Keys of users' objects, as they are stored. A key of BSON cannot hold a NUL, and so the few that do are written
/// with an escape: U+10FFFF, which is no character, followed by `0` for a NUL and by `1` for itself. All others are stored as
/// they are, also those with `$` and `.`.
enum BSONKey {
    private static let escape: Unicode.Scalar = "\u{10FFFF}"

    static func stored(_ key: String) -> String {
        guard key.utf8.contains(where: { $0 == 0 || $0 == 0xF4 }) else { return key }
        var stored = String.UnicodeScalarView()
        for scalar in key.unicodeScalars {
            switch scalar {
            case "\0": stored.append(contentsOf: [escape, "0"])
            case escape: stored.append(contentsOf: [escape, "1"])
            default: stored.append(scalar)
            }
        }
        return String(stored)
    }

    static func original(_ stored: String) -> String {
        guard stored.utf8.contains(0xF4) else { return stored }
        var key = String.UnicodeScalarView()
        var isEscaped = false
        for scalar in stored.unicodeScalars {
            if isEscaped {
                key.append(scalar == "0" ? "\0" : escape)
                isEscaped = false
            } else if scalar == escape {
                isEscaped = true
            } else {
                key.append(scalar)
            }
        }
        return String(key)
    }
}
