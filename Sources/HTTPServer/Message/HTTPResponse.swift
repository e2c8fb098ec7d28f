import Primitives

/// What a handler answers. The server adds the framing, `Date` and `Connection`.
package struct HTTPResponse: Sendable {
    package enum Body: Sendable {
        case bytes([UInt8])
        /// A body whose bytes come over time.
        case stream(any StreamedBody)
    }

    package var status: HTTPStatus
    package var headers: [HTTPField]
    package var body: Body

    package init(status: HTTPStatus = .ok, headers: [HTTPField] = [], body: Body = .bytes([])) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// A header field of a response.
package struct HTTPField: Sendable, Equatable {
    package var name: String
    package var value: String

    /// - Parameter value: must hold neither CR nor LF: a precondition, as anything else would forge header fields.
    package init(_ name: String, _ value: String) {
        precondition(!value.utf8.contains { $0 == 0x0D || $0 == 0x0A || $0 == 0 }, "a header field's value is one line")
        self.name = name
        self.value = value
    }
}

extension HTTPResponse {
    /// The first value of that name, in any case.
    package func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }

    /// Appends the status line and the header fields, up to and with the empty line (RFC 9112, sections 4 and 5).
    func appendHead(to bytes: inout [UInt8], connection: ConnectionField, framing: Framing, loop: EventLoop) {
        bytes.append(ascii: "HTTP/1.1 ")
        bytes.append(decimal: status.code)
        bytes.append(UInt8(ascii: " "))
        bytes.append(ascii: status.reason)
        bytes.append(ascii: "\r\nDate: ")
        loop.appendDate(to: &bytes)
        for field in headers {
            bytes.append(ascii: "\r\n")
            bytes.append(utf8: field.name)
            bytes.append(ascii: ": ")
            bytes.append(utf8: field.value)
        }
        switch framing {
        case .length(let count):
            bytes.append(ascii: "\r\nContent-Length: ")
            bytes.append(decimal: count)
        case .chunked: bytes.append(ascii: "\r\nTransfer-Encoding: chunked")
        case .none: break
        }
        switch connection {
        case .close: bytes.append(ascii: "\r\nConnection: close")
        case .keepAlive: bytes.append(ascii: "\r\nConnection: keep-alive")
        case .none: break
        }
        bytes.append(ascii: "\r\n\r\n")
    }

    enum ConnectionField {
        case none, close, keepAlive
    }

    enum Framing {
        case none, length(Int), chunked
    }
}
