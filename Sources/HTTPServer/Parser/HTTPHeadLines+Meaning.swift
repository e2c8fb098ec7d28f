import Primitives

/// What the fields that govern a message's framing and its connection say.
extension HTTPHeadLines {
    /// Exactly one `Host` in HTTP/1.1, at most one in HTTP/1.0, and a valid one (RFC 9112, section 3.2).
    ///
    /// An empty one is valid: it says that the target has no authority.
    static func checkHost(_ headers: HTTPHeaders, isVersion11: Bool) throws(HTTPParseError) {
        switch headers.count(of: "host") {
        case 0 where isVersion11: throw HTTPParseError(.badRequest, "The Host field is missing")
        case 0: return
        case 1: break
        default: throw HTTPParseError(.badRequest, "More than one Host field")
        }
        guard let host = headers.bytes(of: "host"), host.isEmpty || isHostAndPort(host) else {
            throw HTTPParseError(.badRequest, "The Host field is invalid")
        }
    }

    /// How the body is framed (RFC 9112, section 6.3). Whatever two readers could understand differently is refused,
    /// also a `Content-Length` that only repeats itself.
    static func framing(
        _ headers: HTTPHeaders,
        isVersion11: Bool,
        bodyLimit: Int
    ) throws(HTTPParseError) -> HTTPRequestHead.Framing {
        let lengths = headers.count(of: "content-length")
        let hasCoding = headers.count(of: "transfer-encoding") > 0
        if hasCoding {
            guard lengths == 0 else {
                throw HTTPParseError(.badRequest, "Both Content-Length and Transfer-Encoding")
            }
            guard isVersion11 else { throw HTTPParseError(.badRequest, "Transfer-Encoding in HTTP/1.0") }
            try checkTransferCodings(headers.elements(of: "transfer-encoding"))
            return .chunked
        }
        guard lengths <= 1 else { throw HTTPParseError(.badRequest, "More than one Content-Length") }
        guard let value = headers.bytes(of: "content-length") else { return .none }
        let length = try contentLength(value)
        guard length <= bodyLimit else {
            throw HTTPParseError(.contentTooLarge, "The body is longer than \(bodyLimit) bytes")
        }
        return .length(length)
    }

    private static func contentLength(_ digits: ArraySlice<UInt8>) throws(HTTPParseError) -> Int {
        guard !digits.isEmpty, digits.allSatisfy(isDigit) else {
            throw HTTPParseError(.badRequest, "Content-Length is not a number")
        }
        var length = 0
        for digit in digits {
            let (tenfold, overflows) = length.multipliedReportingOverflow(by: 10)
            let (sum, overflowsToo) = tenfold.addingReportingOverflow(Int(digit - UInt8(ascii: "0")))
            guard !overflows, !overflowsToo else {
                throw HTTPParseError(.badRequest, "Content-Length is out of range")
            }
            length = sum
        }
        return length
    }

    /// Only a plain `chunked` is served; a coding that is not known gets 501 (RFC 9112, section 6.1), and what leaves
    /// the body's end open gets 400.
    private static func checkTransferCodings(_ codings: [[UInt8]]) throws(HTTPParseError) {
        let chunked = Array("chunked".utf8)
        if codings == [chunked] { return }
        let isAmbiguous = codings.enumerated().contains { index, coding in
            // With a parameter, `chunked` is malformed (RFC 9112, section 7.1).
            let isChunked = coding.starts(with: chunked) && !(coding.dropFirst(7).first?.isTokenCharacter ?? false)
            return coding.isEmpty || isChunked && (index < codings.count - 1 || coding.count > 7)
        }
        throw isAmbiguous
            ? HTTPParseError(.badRequest, "Transfer-Encoding is not just chunked")
            : HTTPParseError(.notImplemented, "A transfer coding other than chunked")
    }

    /// Whether the connection stays open after the answer (RFC 9112, section 9.3).
    static func keepsAlive(_ headers: HTTPHeaders, isVersion11: Bool) -> Bool {
        if headers.contains("connection", token: "close") { return false }
        return isVersion11 || headers.contains("connection", token: "keep-alive")
    }

    /// Whether `100 Continue` is waited for (RFC 9110, section 10.1.1); HTTP/1.0 knows no expectations.
    static func expectsContinue(_ headers: HTTPHeaders, isVersion11: Bool) throws(HTTPParseError) -> Bool {
        guard isVersion11 else { return false }
        let expectations = headers.elements(of: "expect").filter { !$0.isEmpty }
        guard expectations.allSatisfy({ $0.elementsEqual("100-continue".utf8) }) else {
            throw HTTPParseError(.expectationFailed, "Only 100-continue can be expected")
        }
        return !expectations.isEmpty
    }
}

extension HTTPRequestHead.Framing {
    /// Whether at least one byte of a body, or the end of an empty chunked one, is still to come.
    var hasBody: Bool {
        switch self {
        case .none: false
        case .length(let count): count > 0
        case .chunked: true
        }
    }
}
