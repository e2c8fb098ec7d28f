import Primitives

/// Why percent-encoded text cannot be decoded; a client's mistake.
package struct PercentEncodingError: Error, Equatable {
    /// What was wrong, in words for the client.
    package var reason: String

    package init(_ reason: String) {
        self.reason = reason
    }
}

/// Decodes the escapes of URIs (RFC 3986, section 2.1) and of forms.
package enum PercentEncoding {
    /// The bytes that `text` stands for. `plusIsSpace` holds in forms only.
    package static func decode(
        _ text: some Collection<UInt8>,
        plusIsSpace: Bool
    ) throws(PercentEncodingError) -> [UInt8] {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(text.count)
        var rest = text.makeIterator()
        while let byte = rest.next() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = rest.next().flatMap(hexadecimalDigit), let low = rest.next().flatMap(hexadecimalDigit)
                else { throw PercentEncodingError("A '%' is not followed by two hexadecimal digits") }
                decoded.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsSpace:
                decoded.append(UInt8(ascii: " "))
            default:
                decoded.append(byte)
            }
        }
        return decoded
    }

    /// `bytes` as text, if they are UTF-8.
    package static func string(_ bytes: some Collection<UInt8>) throws(PercentEncodingError) -> String {
        guard let string = String(validating: bytes, as: UTF8.self) else {
            throw PercentEncodingError("Percent-encoded text is not UTF-8")
        }
        return string
    }
}
