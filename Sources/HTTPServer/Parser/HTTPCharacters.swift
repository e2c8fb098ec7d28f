import Primitives

/// Carriage return, line feed, space and horizontal tab, as the grammar of HTTP names them.
let carriageReturn: UInt8 = 0x0D
let lineFeed: UInt8 = 0x0A
let space: UInt8 = 0x20
let tab: UInt8 = 0x09

extension UInt8 {
    /// Whether the byte may stand in a token: a method or a field name (RFC 9110, section 5.6.2).
    @inline(__always)
    var isTokenCharacter: Bool {
        // One bit for each character: a table in memory would cost a check for its initialisation at each look.
        let mask: UInt64 = self < 64 ? 0x03FF_6CFA_0000_0000 : 0x57FF_FFFF_C7FF_FFFE
        return self < 128 && mask >> UInt64(self & 63) & 1 == 1
    }

    /// Whether the byte may stand in a field's value: visible, space, tab, or obs-text (RFC 9110, section 5.5).
    @inline(__always)
    var isFieldValueCharacter: Bool {
        self >= space ? self != 0x7F : self == tab
    }

    /// Whether the byte may stand in a request target: visible ASCII without `#`, as a fragment is never sent.
    ///
    /// Wider than RFC 3986: browsers send characters such as `|` as they are.
    @inline(__always)
    var isTargetCharacter: Bool {
        self > space && self < 0x7F && self != UInt8(ascii: "#")
    }

    @inline(__always)
    var isSpaceOrTab: Bool {
        self == space || self == tab
    }

    /// Whether the byte may stand as it is in a registered name (RFC 3986, section 3.2.2).
    var isHostNameCharacter: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"): true
        case UInt8(ascii: "!"), UInt8(ascii: "$"), UInt8(ascii: "&")...UInt8(ascii: ","): true
        case UInt8(ascii: ";"), UInt8(ascii: "="): true
        default: false
        }
    }
}

/// Whether `text` is a host with an optional port, `uri-host [ ":" port ]` (RFC 9110, section 7.2).
///
/// A user part is none: RFC 9110, section 4.2.4, has it treated as an error.
func isHostAndPort(_ text: ArraySlice<UInt8>) -> Bool {
    var index = text.startIndex
    if text.first == UInt8(ascii: "[") {
        guard let close = text.firstIndex(of: UInt8(ascii: "]")), close > index + 1 else { return false }
        let isLiteral = text[index + 1..<close].allSatisfy { $0.isHostNameCharacter || $0 == UInt8(ascii: ":") }
        guard isLiteral else { return false }
        index = close + 1
    } else {
        while index < text.endIndex, text[index] != UInt8(ascii: ":") {
            if text[index] == UInt8(ascii: "%") {
                guard text.endIndex - index > 2, hexadecimalDigit(text[index + 1]) != nil,
                    hexadecimalDigit(text[index + 2]) != nil
                else { return false }
                index += 3
            } else {
                guard text[index].isHostNameCharacter else { return false }
                index += 1
            }
        }
        guard index > text.startIndex else { return false }
    }
    guard index < text.endIndex else { return true }
    return text[index] == UInt8(ascii: ":") && text.endIndex - index <= 6 && text[(index + 1)...].allSatisfy(isDigit)
}
