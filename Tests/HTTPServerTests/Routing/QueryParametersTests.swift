import HTTPServer
import Testing

@Suite struct QueryParametersTests {
    @Test(
        arguments: [
            ("", []), ("&&", []), ("a=b", ["a=b"]), ("a", ["a="]), ("a=", ["a="]), ("=b", ["=b"]), ("=", ["="]),
            ("a=b=c", ["a=b=c"]), ("a=1&b=2&a=3", ["a=1", "b=2", "a=3"]), ("&a=1&&b=2&", ["a=1", "b=2"]),
            ("a+b=c+d", ["a b=c d"]), ("a%2Bb=%20%26%3D", ["a+b= &="]), ("q=%C3%A9%f0%9F%98%80", ["q=\u{E9}\u{1F600}"]),
            ("q=%00", ["q=\0"]), ("a;b=c", ["a;b=c"]), ("a[]=1", ["a[]=1"]), ("a=?/", ["a=?/"]),
        ] as [(String, [String])]
    )
    func `a query is pairs in order`(query: String, expected: [String]) throws {
        let parameters = try QueryParameters(query)
        #expect(parameters.parameters.map { "\($0.name)=\($0.value)" } == expected)
        #expect(parameters.isEmpty == expected.isEmpty)
    }

    @Test(arguments: ["%", "a=%", "a=%2", "a=%2&b", "a=%g0", "%0x=1", "a=%%20", "a=%+1"])
    func `a broken escape`(query: String) {
        #expect(throws: PercentEncodingError("A '%' is not followed by two hexadecimal digits")) {
            try QueryParameters(query)
        }
    }

    @Test(arguments: ["a=%FF", "%80=1", "a=%C3&b=%A9", "a=%C0%AF", "a=%ED%A0%80", "a=%F4%90%80%80"])
    func `what is no UTF-8`(query: String) {
        #expect(throws: PercentEncodingError("Percent-encoded text is not UTF-8")) { try QueryParameters(query) }
    }

    @Test func `the last of several values counts, and all are there`() throws {
        let parameters = try QueryParameters("a=1&b=2&a=3")
        #expect(parameters["a"] == "3")
        #expect(parameters["b"] == "2")
        #expect(parameters["c"] == nil)
        #expect(parameters.all("a") == ["1", "3"])
        #expect(parameters.all("c") == [])
    }
}
