/// What a client has understood of a response.
struct ClientResponse: Equatable {
    var statusLine: String
    /// Names in lower case.
    var fields: [String: String]
    var body: [UInt8] = []
    /// The sizes of the body's chunks, the last one not counted.
    var chunks: [Int] = []

    var status: Int { Int(statusLine.split(separator: " ")[1]) ?? 0 }
    var text: String { String(decoding: body, as: UTF8.self) }

    /// - Parameter head: the status line and the field lines, without the empty line.
    init(head: String) {
        var lines = head.split(separator: "\r\n").map(String.init)
        statusLine = lines.removeFirst()
        fields = [:]
        for line in lines {
            let parts = line.split(separator: ": ", maxSplits: 1).map(String.init)
            fields[parts[0].lowercased()] = parts.count > 1 ? parts[1] : ""
        }
    }
}
