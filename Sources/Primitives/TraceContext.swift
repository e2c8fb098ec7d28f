/// The trace that a request belongs to, as its caller says in `traceparent` (W3C Trace Context, section 3.2).
package struct TraceContext: Sendable, Equatable {
    /// 32 lower-case hexadecimal digits, not all of them zero.
    package let traceID: String
    /// Whether the caller records the trace.
    package let isSampled: Bool

    /// Reads a field's value.
    ///
    /// - Returns: nil when it is malformed, which means that there is none: of version 00 it is exactly
    ///   `00-<32 digits>-<16 digits>-<2 digits>`; later ones, of which this is the beginning, may go on behind a `-`.
    package init?(traceparent text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count >= Self.length, bytes.count <= Self.longest,
            bytes[2] == Self.dash, bytes[35] == Self.dash, bytes[52] == Self.dash,
            let version = Self.hexadecimal(bytes[0..<2]), version != 0xFF,
            let high = Self.hexadecimal(bytes[3..<19]), let low = Self.hexadecimal(bytes[19..<35]), high | low != 0,
            let parent = Self.hexadecimal(bytes[36..<52]), parent != 0,
            let flags = Self.hexadecimal(bytes[53..<55]),
            bytes.count == Self.length || (version > 0 && bytes[Self.length] == Self.dash)
        else { return nil }
        traceID = String(decoding: bytes[3..<35], as: UTF8.self)
        isSampled = flags & 1 != 0
    }

    /// What is sent with a request that is made because of this one, which is `parentID`: version 00, and of the flags the
    /// one that is known.
    package func traceparent(parentID: UInt64) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.length)
        bytes.append(ascii: "00-")
        bytes.append(utf8: traceID)
        bytes.append(ascii: "-")
        // Zero means that there is none.
        let id = max(1, parentID)
        for digit in 0..<16 { bytes.append(hexadecimalDigit: UInt8(id >> UInt64(60 - digit * 4) & 15)) }
        bytes.append(ascii: isSampled ? "-01" : "-00")
        return String(decoding: bytes, as: UTF8.self)
    }

    private static let dash = UInt8(ascii: "-")
    private static let length = 55
    /// Of what later versions may add nothing is read.
    private static let longest = 512

    /// Up to 16 digits, in lower case alone.
    private static func hexadecimal(_ digits: ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for digit in digits {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(digit - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt64(digit - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return value
    }
}
