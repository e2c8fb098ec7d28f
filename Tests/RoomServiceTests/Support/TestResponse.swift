import Primitives

/// A response as a client sees it.
struct TestResponse {
    var status: Int
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []

    /// Reads the status line and the header fields, or nil when they are malformed.
    init?(head: String) {
        var lines = head.split(separator: "\r\n", omittingEmptySubsequences: false)[...]
        let parts = lines.removeFirst().split(separator: " ", maxSplits: 2)
        guard parts.count >= 2, parts[0] == "HTTP/1.1", let status = Int(parts[1]) else { return nil }
        self.status = status
        for line in lines {
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, parts[1].first == " " else { return nil }
            headers.append((String(parts[0]), String(parts[1].dropFirst())))
        }
    }

    /// The value of a field that comes once; several ones are joined.
    subscript(_ name: String) -> String? {
        let values = headers.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
        return values.isEmpty ? nil : values.joined(separator: ", ")
    }

    var text: String { String(decoding: body, as: UTF8.self) }

    var json: JSONObject { ((try? JSONParser.parse(body))?.objectValue) ?? [:] }

    /// The envelope's `data`.
    var data: JSONObject { json["data"]?.objectValue ?? [:] }
    var code: String? { json["error_code"]?.stringValue }
    var error: String? { json["error"]?.stringValue }
}

/// One block of an event stream, as it came.
struct TestEvent: Equatable {
    var text: String

    init(_ text: String) {
        self.text = text
    }

    /// The value of that field's first line.
    private func field(_ name: String) -> String? {
        for line in text.split(separator: "\n") where line.hasPrefix(name + ": ") {
            return String(line.dropFirst(name.count + 2))
        }
        return nil
    }

    var isComment: Bool { text.hasPrefix(":") }
    var id: String? { field("id") }
    var data: String? { field("data") }
    /// In milliseconds.
    var retry: Int? { field("retry").flatMap { Int($0) } }
    var json: JSONObject { data.flatMap { try? JSONParser.parse(Array($0.utf8)) }?.objectValue ?? [:] }
    var status: String? { json["status"]?.stringValue }
    var content: String? { json["content"]?.stringValue }
    var streamID: String? { json["stream_id"]?.stringValue }
    var sequence: Int? { id.flatMap { $0.split(separator: ":").last }.flatMap { Int($0) } }

    var isTerminal: Bool { ["complete", "cancelled", "interrupted", "error"].contains(status) }
}
