import Primitives
import Testing

@Suite struct JSONWriterTests {
    private func text(_ value: JSONValue) -> String {
        String(decoding: value.encoded, as: UTF8.self)
    }

    @Test(
        arguments: [
            (.null, "null"), (true, "true"), (false, "false"), (0, "0"), (-1, "-1"),
            (.integer(.max), "9223372036854775807"), (.integer(.min), "-9223372036854775808"), (1.5, "1.5"),
            (-0.0, "-0.0"),
            (.double(1e300), "1e+300"), (.double(.infinity), "null"), (.double(.nan), "null"), ([], "[]"), ([:], "{}"),
            ([1, "a", nil, [true]], "[1,\"a\",null,[true]]"), (["b": 1, "a": ["c": []]], "{\"b\":1,\"a\":{\"c\":[]}}"),
            (["\"\n": 1], "{\"\\\"\\n\":1}"),
        ] as [(JSONValue, String)]
    )
    func `a value is written compactly`(value: JSONValue, expected: String) {
        #expect(text(value) == expected)
    }

    @Test func `every byte that needs an escape has one, at every place in a word`() throws {
        for scalar in (0...0x7F).compactMap({ Unicode.Scalar($0) }) {
            for before in 0..<10 {
                let string = String(repeating: "x", count: before) + String(Character(scalar)) + "yyyyyyyyy"
                let written = JSONValue.string(string).encoded
                #expect(try JSONParser.parse(written) == .string(string))
                let isEscaped = scalar.value < 0x20 || scalar == "\"" || scalar == "\\"
                #expect(written.contains(UInt8(ascii: "\\")) == isEscaped)
                #expect(isEscaped || written.count == string.utf8.count + 2)
            }
        }
        #expect(text("\u{8}\t\n\u{C}\r\u{1}\u{1F}\u{7F}") == "\"\\b\\t\\n\\f\\r\\u0001\\u001f\u{7F}\"")
        #expect(text("/\u{E9}\u{1F600}\u{2028}\u{80}") == "\"/\u{E9}\u{1F600}\u{2028}\u{80}\"")
    }

    @Test func `text in pieces is escaped as in one`() {
        var bytes: [UInt8] = []
        bytes.append(jsonEscaping: "a\"b".utf8)
        bytes.append(jsonEscaping: [UInt8]("\n\u{1F600}".utf8)[...])
        bytes.append(jsonEscaping: "c\\".utf8.lazy.filter { _ in true })
        #expect(bytes == Array("a\\\"b\\n\u{1F600}c\\\\".utf8))
    }
}
