/// The lines of a head, read but not yet understood: its bytes, and where the parts lie in them.
struct HTTPHeadLines: Sendable {
    private(set) var bytes: [UInt8] = []
    private(set) var fields: [HTTPHeaders.Field] = []
    /// The method's end; the target begins one byte further, and the version one byte after the target's end.
    var methodEnd = 0
    var targetEnd = 0
    var majorVersion: UInt8 = 0
    var minorVersion: UInt8 = 0
    /// Where the first field line begins; 0 until the request line is complete.
    var fieldsStart = 0

    mutating func append(_ piece: Span<UInt8>) {
        piece.withUnsafeBufferPointer { bytes.append(contentsOf: $0) }
    }

    mutating func append(_ field: HTTPRequestParser.FieldLine) {
        if fields.isEmpty { fields.reserveCapacity(12) }
        fields.append(
            HTTPHeaders.Field(
                nameStart: UInt32(field.start),
                nameCount: UInt32(field.nameEnd - field.start),
                valueStart: UInt32(field.valueStart),
                valueCount: UInt32(field.valueEnd - field.valueStart)
            )
        )
    }

    /// The request head that the lines mean.
    func head(bodyLimit: Int) throws(HTTPParseError) -> HTTPRequestHead {
        let isVersion11 = minorVersion > 0
        var headers = HTTPHeaders(bytes: bytes, fields: fields)
        let method = HTTPMethod(ascii: bytes[..<methodEnd])
        let target = try target(of: method)
        try Self.checkHost(headers, isVersion11: isVersion11)
        if let authority = target.authority { headers.overrideHost(with: authority) }
        let framing = try Self.framing(headers, isVersion11: isVersion11, bodyLimit: bodyLimit)
        return HTTPRequestHead(
            method: method,
            path: target.path,
            query: target.query,
            minorVersion: isVersion11 ? 1 : 0,
            headers: headers,
            framing: framing,
            keepsAlive: Self.keepsAlive(headers, isVersion11: isVersion11),
            expectsContinue: try Self.expectsContinue(headers, isVersion11: isVersion11) && framing.hasBody
        )
    }

    /// What an error's response may look at, or nil when the request line is missing or bad.
    var refused: HTTPRequestHead? {
        let method = HTTPMethod(ascii: bytes[..<methodEnd])
        guard fieldsStart > 0, let target = try? target(of: method) else { return nil }
        return HTTPRequestHead(
            method: method,
            path: target.path,
            query: target.query,
            minorVersion: minorVersion > 0 ? 1 : 0,
            headers: HTTPHeaders(bytes: bytes, fields: fields),
            framing: .none,
            keepsAlive: false,
            expectsContinue: false
        )
    }

    /// The target, once version and method are known to be served.
    ///
    /// A minor version above 1 is served as HTTP/1.1 (RFC 9110, section 2.5); another major version is not.
    private func target(of method: HTTPMethod) throws(HTTPParseError) -> HTTPRequestTarget {
        guard majorVersion == 1 else {
            throw HTTPParseError(.versionNotSupported, "Only HTTP/1.1 and HTTP/1.0 are served")
        }
        guard method != .other("CONNECT") else {
            throw HTTPParseError(.notImplemented, "CONNECT is not served: this is no proxy")
        }
        return try HTTPRequestTarget(bytes[(methodEnd + 1)..<targetEnd], isOptions: method == .options)
    }
}
