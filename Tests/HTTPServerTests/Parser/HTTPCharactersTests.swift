import Testing

@testable import HTTPServer

/// The bit masks against the sets as the standards write them.
@Suite struct HTTPCharactersTests {
    private let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

    @Test func `the characters of tokens`() {
        let expected = Set("!#$%&'*+-.^_`|~\(letters)".utf8)
        for byte in UInt8.min...UInt8.max { #expect(byte.isTokenCharacter == expected.contains(byte), "\(byte)") }
    }

    @Test func `the characters of host names`() {
        let expected = Set("-._~!$&'()*+,;=\(letters)".utf8)
        for byte in UInt8.min...UInt8.max { #expect(byte.isHostNameCharacter == expected.contains(byte), "\(byte)") }
    }

    @Test func `the characters of values and of targets`() {
        for byte in UInt8.min...UInt8.max {
            #expect(byte.isFieldValueCharacter == (byte == 9 || (32...126).contains(byte) || byte >= 128), "\(byte)")
            #expect(byte.isTargetCharacter == ((33...126).contains(byte) && byte != 35), "\(byte)")
        }
    }
}
