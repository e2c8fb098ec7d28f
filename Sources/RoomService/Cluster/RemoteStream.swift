import HTTPServer
import Primitives
import Streaming

/// A stream that another instance makes: a copy of its log, event for event.
///
/// Confined to the loop on which what comes from Redis is heard, but for the log.
final class RemoteStream {
    let id: String
    private(set) var origin: StreamOrigin?
    private(set) var log: StreamLog?
    /// The sequence number of the event that comes next.
    private(set) var next = 0
    private let retainedLimit: Int
    /// The stream has been stopped: no event but the terminal one may be shown any more, also where the log comes only later.
    private var isStopped = false
    /// The loops that may have been in the middle of a write when the log was sealed. Whoever asks later waits for the same.
    private var seal: StreamLog.Seal?

    init(id: String, retainedLimit: Int) {
        self.id = id
        self.retainedLimit = retainedLimit
    }

    enum Outcome {
        case applied(events: Int)
        /// Events are missing before these.
        case gap
        /// Events are missing that nobody has any more.
        case lost
        /// From now on nothing is shown any more; the loops that may be in the middle of a write are the seal's.
        case sealed(StreamLog.Seal?, by: String, request: Int)
        case malformed
    }

    func apply(_ entry: StreamEntry) -> Outcome {
        switch entry {
        case .whole(let origin, let sequence, let answer):
            guard log != nil else {
                begin(origin, sequence: sequence, answer: answer)
                return .applied(events: 0)
            }
            return sequence > next ? .lost : .applied(events: 0)
        case .events(let events):
            // The end of a stream whose instance is gone is the next event, whatever has come.
            guard let log, events.first <= next || events.first == StreamEventID.unknownEnd else { return .gap }
            guard events.next > next else { return .applied(events: 0) }
            if events.areHidden { stop() }
            return append(events.bytes, skipping: max(0, next - events.first), to: log)
        case .sealed(let instance, let request):
            stop()
            return .sealed(seal, by: instance, request: request)
        }
    }

    /// Whether there are events in it that the copy does not have.
    func lacks(_ entry: StreamEntry) -> Bool {
        guard case .events(let events) = entry else { return false }
        return events.next > next
    }

    /// From now on nothing is shown any more but the terminal event, whatever is appended before it.
    func stop() {
        isStopped = true
        if let new = log?.seal() { seal = new }
    }

    private func begin(_ origin: StreamOrigin, sequence: Int, answer: [UInt8]) {
        self.origin = origin
        next = sequence
        log =
            sequence == 0
            ? StreamLog(streamID: id, agentType: origin.agentType, retainedLimit: retainedLimit)
            : StreamLog(
                streamID: id,
                agentType: origin.agentType,
                retainedLimit: retainedLimit,
                answer: answer,
                firstSequence: sequence
            )
        if isStopped { stop() }
    }

    private func append(_ bytes: [UInt8], skipping count: Int, to log: StreamLog) -> Outcome {
        var place = 0
        var index = 0
        var appended = 0
        while place < bytes.count {
            guard let event = ChunkedEvent(in: bytes, at: place) else { return .malformed }
            place = event.end
            index += 1
            guard index > count else { continue }
            let chunk = Array(bytes[event.start..<event.end])
            if let last = event.terminalSequence {
                if event.status == StreamEnd.cancelled.rawValue { stop() }
                log.end(chunk, sequence: last)
                next = last + 1
            } else {
                log.appendCopy(chunk, content: event.content)
                next += 1
            }
            appended += 1
        }
        return .applied(events: appended)
    }
}

/// An event as it stands in a log: a chunk with an `id` and a `data` line.
struct ChunkedEvent {
    let start: Int
    let end: Int
    let status: String
    /// In UTF-8; of the answer's text.
    let content: [UInt8]

    /// The number of a terminal one, which may have left others out; nil for others.
    let terminalSequence: Int?

    var isTerminal: Bool { terminalSequence != nil }

    /// The event that begins at `place`; nil when there is none that is whole.
    init?(in bytes: [UInt8], at place: Int) {
        guard let lineEnd = bytes[place...].firstIndex(of: 0x0D),
            let size = Int(String(decoding: bytes[place..<lineEnd], as: UTF8.self), radix: 16), size > 0,
            size <= bytes.count - lineEnd - 4
        else { return nil }
        let payload = bytes[(lineEnd + 2)..<(lineEnd + 2 + size)]
        start = place
        end = lineEnd + 2 + size + 2
        guard let firstLine = payload.firstIndex(of: 0x0A), payload[(firstLine + 1)...].starts(with: "data: ".utf8),
            let json = (try? JSONParser.parse(Array(payload[(firstLine + 7)...])))?.objectValue,
            let status = json["status"]?.stringValue
        else { return nil }
        self.status = status
        if StreamEnd(rawValue: status) != nil {
            guard let id = StreamEventID(String(decoding: payload[..<firstLine].dropFirst(4), as: UTF8.self)) else {
                return nil
            }
            terminalSequence = id.sequence
        } else {
            terminalSequence = nil
        }
        content = status == "streaming" ? Array((json["content"]?.stringValue ?? "").utf8) : []
    }
}
