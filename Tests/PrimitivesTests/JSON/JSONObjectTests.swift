import Primitives
import Testing

@Suite struct JSONObjectTests {
    @Test(arguments: [1, 15, 16, 17, 18, 40])
    func `members keep their order through changes, at any size`(count: Int) {
        var object = JSONObject()
        for index in 0..<count { object["k\(index)"] = .integer(Int64(index)) }
        #expect(object.members.map(\.key) == (0..<count).map { "k\($0)" })
        object["k0"] = "changed"
        #expect(object.members[0].value == "changed" && object.count == count)
        object["missing"] = nil
        object["k0"] = nil
        #expect(object.members.map(\.key) == (1..<count).map { "k\($0)" })
        for index in 1..<count { #expect(object["k\(index)"] == .integer(Int64(index))) }
        #expect(object["k0"] == nil)
        object["k0"] = "back"
        #expect(object.members.last?.key == "k0" && object["k0"] == "back")
        #expect(!object.isEmpty)
    }

    @Test func `a key that comes twice keeps its place and has the last value`() throws {
        let value = try JSONParser.parse(Array(#"{"a":1,"b":2,"a":3}"#.utf8))
        #expect(value.encoded == Array(#"{"a":3,"b":2}"#.utf8))
    }

    @Test(arguments: [0, 20])
    func `keys that only look the same are two`(others: Int) throws {
        var object = JSONObject((0..<others).map { JSONObject.Member(key: "k\($0)", value: nil) })
        object["\u{E9}"] = 1
        object["e\u{301}"] = 2
        #expect(object.count == others + 2)
        #expect(object["\u{E9}"] == 1 && object["e\u{301}"] == 2)
    }

    @Test(.timeLimit(.minutes(1)))
    func `many keys that only look the same are found as fast as others`() throws {
        let keys = (0..<16_384).map { number in
            (0..<14).map { number >> $0 & 1 == 0 ? "e\u{301}" : "\u{E9}" }.joined()
        }
        let object = JSONObject(keys.map { JSONObject.Member(key: $0, value: nil) })
        #expect(object.count == keys.count)
    }

    @Test func `objects are equal in any order, and then have the same hash`() {
        let left: JSONObject = ["a": 1, "b": ["c": 2]]
        let right: JSONObject = ["b": ["c": 2], "a": 1]
        #expect(left == right && left.hashValue == right.hashValue)
        #expect(left != ["a": 1])
        #expect(left != ["a": 1, "b": ["c": 3]])
        #expect(left != ["a": 1, "c": ["c": 2]])
    }

    @Test func `a value is given only as what it is`() {
        #expect(JSONValue.integer(2).doubleValue == 2)
        #expect(JSONValue.double(2).integerValue == nil)
        #expect(JSONValue.string("a").stringValue == "a" && JSONValue.null.stringValue == nil)
        #expect(JSONValue.bool(true).boolValue == true && JSONValue.integer(1).boolValue == nil)
        #expect(JSONValue.array([]).arrayValue == [] && JSONValue.array([]).objectValue == nil)
    }
}
