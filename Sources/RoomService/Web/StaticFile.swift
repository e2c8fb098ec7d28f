import HTTPServer
import Primitives

/// A file as browsers get it, whole and in memory.
struct StaticFile: Sendable {
    let bytes: [UInt8]
    let contentType: String
    /// A strong validator (RFC 9110, section 8.8.3): the same bytes have the same one, whenever and wherever they are served.
    let etag: String

    /// - Parameter name: its ending tells the content's type.
    init(name: String, bytes: [UInt8]) {
        self.bytes = bytes
        contentType = Self.contentType(of: name)
        etag = Self.etag(of: bytes)
    }

    /// The file, or 304 where the client has it already (RFC 9110, section 13.1.2). Browsers keep it, and ask each time
    /// whether it has changed: an upgrade shows at once.
    ///
    /// - Parameter fields: what else the response says.
    func response(to head: HTTPRequestHead, adding fields: [HTTPField] = []) -> HTTPResponse {
        var response = HTTPResponse(headers: [
            HTTPField("ETag", etag),
            HTTPField("Cache-Control", "no-cache"),
            // The type is the one that is told, whatever the content looks like.
            HTTPField("X-Content-Type-Options", "nosniff"),
        ])
        response.headers += fields
        if isKnown(to: head) {
            response.status = .notModified
        } else {
            response.headers.append(HTTPField("Content-Type", contentType))
            response.body = .bytes(bytes)
        }
        return response
    }

    private func isKnown(to head: HTTPRequestHead) -> Bool {
        head.headers.values("if-none-match").contains { field in
            field.split(separator: ",").contains { element in
                let tag = element.trimming { $0 == " " || $0 == "\t" }
                // Weak comparison (RFC 9110, section 8.8.3.2): proxies that compress make a tag weak.
                return tag == "*" || (tag.hasPrefix("W/") ? String(tag.dropFirst(2)) : String(tag)) == etag
            }
        }
    }

    private static func contentType(of name: String) -> String {
        let ending = name.split(separator: ".").last.map(String.init) ?? ""
        return types[ending] ?? unknownType
    }

    /// All types that files may have, without their parameters.
    static let mediaTypes = Set(types.values.map { String($0.prefix { $0 != ";" }) } + [unknownType]).sorted()

    private static let unknownType = "application/octet-stream"

    private static let types = [
        "css": "text/css; charset=utf-8",
        "html": "text/html; charset=utf-8",
        "ico": "image/x-icon",
        "js": "text/javascript; charset=utf-8",
        "json": "application/json",
        "map": "application/json",
        "png": "image/png",
        "svg": "image/svg+xml",
        "txt": "text/plain; charset=utf-8",
        "webmanifest": "application/manifest+json",
        "woff2": "font/woff2",
    ]

    /// The length and a hash (FNV-1a, 64 bits). It tells versions apart, and need not withstand an attack: whoever can
    /// change the files needs no collision.
    private static func etag(of bytes: [UInt8]) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return "\"\(String(bytes.count, radix: 16))-\(String(hash, radix: 16))\""
    }
}
