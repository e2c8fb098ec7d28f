import Foundation
import Primitives
import Testing

/// The parser and the writer against Foundation's, over texts that are the same in every run.
@Suite struct JSONDifferentialTests {
    /// What Foundation makes of the text; nil when it refuses it.
    private func foundation(_ bytes: [UInt8]) -> Any? {
        try? JSONSerialization.jsonObject(with: Data(bytes), options: [.fragmentsAllowed])
    }

    private func matches(_ value: JSONValue, _ other: Any) -> Bool {
        switch value {
        case .null: other is NSNull
        case .bool(let bool): (other as? Bool) == bool
        case .integer(let integer): (other as? NSNumber)?.int64Value == integer
        case .double(let double):
            // Foundation on Linux goes through decimal numbers and loses the last bits.
            (other as? NSNumber).map { abs($0.doubleValue - double) <= abs(double) * 1e-14 } ?? false
        case .string(let string): (other as? String).map { Array($0.utf8) == Array(string.utf8) } ?? false
        case .array(let array):
            (other as? [Any]).map { others in
                others.count == array.count && zip(array, others).allSatisfy { matches($0, $1) }
            } ?? false
        case .object(let object):
            (other as? [String: Any]).map { others in
                others.count == object.count
                    && object.members.allSatisfy { member in
                        others[member.key].map { matches(member.value, $0) } ?? false
                    }
            } ?? false
        }
    }

    @Test(arguments: 0..<4)
    func `valid texts mean the same to Foundation`(round: Int) throws {
        var generator = RandomJSON(seed: UInt64(round))
        for _ in 0..<500 {
            let text = generator.text()
            let value = try JSONParser.parse(Array(text.utf8))
            let other = try #require(foundation(Array(text.utf8)), "\(text)")
            #expect(matches(value, other), "\(text)")
        }
    }

    @Test(arguments: 0..<4)
    func `what is written means the same to Foundation, and to the parser`(round: Int) throws {
        var generator = RandomJSON(seed: UInt64(100 + round))
        for _ in 0..<500 {
            let value = try JSONParser.parse(Array(generator.text().utf8))
            let written = value.encoded
            #expect(try JSONParser.parse(written) == value)
            let other = try #require(foundation(written))
            #expect(matches(value, other), "\(String(decoding: written, as: UTF8.self))")
        }
    }

    /// Foundation takes `[1,]`, which RFC 8259 does not know.
    private func hasTrailingComma(_ bytes: [UInt8]) -> Bool {
        String(decoding: bytes, as: UTF8.self).contains(/,[ \t\r\n]*\]/)
    }

    @Test(arguments: 0..<4)
    func `spoilt texts are refused where Foundation refuses them`(round: Int) {
        var generator = RandomJSON(seed: UInt64(200 + round))
        var refused = 0
        for _ in 0..<2000 {
            let bytes = generator.spoiltText()
            let value = try? JSONParser.parse(bytes)
            let other = foundation(bytes)
            if value == nil { refused += 1 }
            if let value {
                #expect(other.map { matches(value, $0) } ?? false, "\(String(decoding: bytes, as: UTF8.self))")
            } else if other != nil, !hasTrailingComma(bytes) {
                Issue.record("only the parser refuses \(String(decoding: bytes, as: UTF8.self)) \(bytes)")
            }
        }
        #expect(refused > 500 && refused < 1990)
    }
}
