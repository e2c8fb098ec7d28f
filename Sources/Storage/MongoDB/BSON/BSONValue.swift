import Primitives

/// A value on its way into a document.
///
/// Texts of users come in by `.string` and `.json` alone; keys are literals of this program. So no text can become a key
/// or an operator, wherever it comes from.
enum BSONValue {
    case null
    case bool(Bool)
    case int32(Int32)
    case int64(Int64)
    case double(Double)
    case string(String)
    case date(Timestamp)
    case objectID(BSONObjectID)
    case document(BSONDocument)
    case array([BSONValue])
    /// Objects become documents; integers become 64-bit ones.
    case json(JSONValue)

    static func optional(_ text: String?) -> BSONValue { text.map { .string($0) } ?? .null }
    static func optional(_ time: Timestamp?) -> BSONValue { time.map { .date($0) } ?? .null }

    /// The condition that a field has another value, or is not there at all. `$ne` means the same, but the test server takes it
    /// for false where the field is missing.
    static func isNot(_ value: BSONValue) -> BSONValue { ["$nin": .array([value])] }

    /// The condition that a field is one of these texts, each of which is sent once.
    static func anyOf(_ texts: some Collection<String>) -> BSONValue {
        if texts.count == 1, let text = texts.first { return .string(text) }
        return ["$in": .array(Set(texts).map { .string($0) })]
    }
}

extension BSONValue: ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral, ExpressibleByStringLiteral,
    ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral, ExpressibleByNilLiteral
{
    init(nilLiteral: ()) { self = .null }
    init(booleanLiteral value: Bool) { self = .bool(value) }
    init(integerLiteral value: Int32) { self = .int32(value) }
    init(stringLiteral value: String) { self = .string(value) }
    init(arrayLiteral elements: BSONValue...) { self = .array(elements) }
    init(dictionaryLiteral elements: (StaticString, BSONValue)...) { self = .document(BSONDocument(elements)) }
}
