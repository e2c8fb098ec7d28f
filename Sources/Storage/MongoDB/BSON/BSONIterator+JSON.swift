import CMongoC
import Primitives

extension BSONIterator {
    /// What is at this place, as JSON. Types that JSON does not have become what people would write: dates ISO 8601,
    /// object ids hexadecimal digits; others null.
    var json: JSONValue {
        mutating get {
            switch type {
            case BSON_TYPE_BOOL: return .bool(bool)
            case BSON_TYPE_INT32, BSON_TYPE_INT64: return .integer(integer)
            case BSON_TYPE_DOUBLE: return .double(double)
            case BSON_TYPE_UTF8: return text.map { .string($0) } ?? .null
            case BSON_TYPE_DATE_TIME: return .string(date.description)
            case BSON_TYPE_OID: return objectID.map { .string($0.text) } ?? .null
            case BSON_TYPE_DOCUMENT:
                guard var fields = children() else { return .null }
                return .object(fields.members)
            case BSON_TYPE_ARRAY:
                guard var elements = children() else { return .null }
                var values: [JSONValue] = []
                while elements.next() { values.append(elements.json) }
                return .array(values)
            default: return .null
            }
        }
    }

    /// All fields from here on.
    var members: JSONObject {
        mutating get {
            var object = JSONObject()
            while next() { object[BSONKey.original(key)] = json }
            return object
        }
    }
}
