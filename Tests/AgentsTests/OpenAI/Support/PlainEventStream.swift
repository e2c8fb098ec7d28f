/// The events of an event stream that is there whole, by the letter of WHATWG HTML, section 9.2.6, and without any of the code that reads
/// streams in pieces; but for one thing: at the end of the stream, an event counts though the empty line behind it is missing.
struct PlainEventStream {
    struct Event: Equatable, CustomStringConvertible {
        var type: [UInt8] = []
        var data: [UInt8] = []

        init(type: String = "", data: String = "") {
            self.type = Array(type.utf8)
            self.data = Array(data.utf8)
        }

        var description: String { "\(String(decoding: type, as: UTF8.self)): \(String(decoding: data, as: UTF8.self))" }
    }

    private(set) var events: [Event] = []
    private var event = Event()

    init(_ bytes: [UInt8]) {
        let body = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
        for line in Self.lines(body) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
                line.isEmpty ? dispatch() : process(field: line, value: [])
                continue
            }
            var value = line[(colon + 1)...]
            if value.first == 0x20 { value = value.dropFirst() }
            process(field: line[..<colon], value: value)
        }
        dispatch()
    }

    private static func lines(_ bytes: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        var text: [UInt8] = []
        for (index, byte) in zip(bytes.indices, bytes) {
            if byte == 0x0A, index > bytes.startIndex, bytes[index - 1] == 0x0D { continue }
            text.append(byte == 0x0D ? 0x0A : byte)
        }
        return text.split(separator: 0x0A, omittingEmptySubsequences: false)
    }

    private mutating func process(field: ArraySlice<UInt8>, value: ArraySlice<UInt8>) {
        switch String(decoding: field, as: UTF8.self) {
        case "data": event.data += value + [0x0A]
        case "event": event.type = Array(value)
        default: break
        }
    }

    private mutating func dispatch() {
        defer { event = Event() }
        guard !event.data.isEmpty else { return }
        event.data.removeLast()
        events.append(event)
    }
}
