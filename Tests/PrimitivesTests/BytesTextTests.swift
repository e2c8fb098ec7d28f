import Primitives
import Testing

@Suite struct BytesTextTests {
    private func text(_ append: (inout [UInt8]) -> Void) -> String {
        var bytes: [UInt8] = []
        append(&bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test(arguments: [0, 1, 9, 10, 99, 100, 12_345, -1, -10, Int.max, Int.min])
    func `numbers are written in decimal and hexadecimal`(value: Int) {
        #expect(text { $0.append(decimal: value) } == String(value))
        #expect(text { $0.append(hexadecimal: value) } == String(UInt(bitPattern: value), radix: 16))
    }

    @Test(arguments: [0xF, 0x10, 0xFF, 0x100, 0xABCDEF])
    func `hexadecimal numbers have no leading zeros`(value: Int) {
        #expect(text { $0.append(hexadecimal: value) } == String(value, radix: 16))
    }

    @Test func `numbers are filled up to a width`() {
        #expect(text { $0.append(decimal: 7, width: 3) } == "007")
        #expect(text { $0.append(decimal: 123, width: 3) } == "123")
        #expect(text { $0.append(decimal: 0, width: 1) } == "0")
    }

    @Test func `text is appended as it is`() {
        #expect(text { $0.append(ascii: "a b") } == "a b")
        #expect(text { $0.append(utf8: "\u{E9}") } == "\u{E9}")
    }

    @Test func `hexadecimal digits have values in both cases`() {
        for byte in UInt8.min...UInt8.max {
            let digit = byte < 128 ? Character(Unicode.Scalar(byte)).hexDigitValue : nil
            #expect(hexadecimalDigit(byte).map(Int.init) == digit)
            #expect(isDigit(byte) == (48...57).contains(byte))
        }
    }
}
