/// How long the logs of ended streams are held for clients that reconnect.
package struct StreamRetention: Sendable {
    /// In nanoseconds.
    package var time: Int64
    /// All held logs together, in bytes; the oldest go first.
    package var memory: Int

    package init(time: Int64, memory: Int) {
        self.time = time
        self.memory = memory
    }
}

/// Ended streams, oldest first, within the retention's time and memory.
struct EndedStreams {
    private struct Entry {
        /// Nil once it is forgotten.
        var stream: LiveStream?
        var endedAt: Int64
        var byteCount: Int
    }

    private struct Message: Hashable {
        var sessionID: String
        var messageID: String
    }

    private let retention: StreamRetention
    private var entries: [Entry] = []
    /// Entries before this place are gone; the list is cut when they are many.
    private var first = 0
    private var byID: [String: LiveStream] = [:]
    private var byMessage: [Message: LiveStream] = [:]
    private(set) var byteCount = 0

    init(_ retention: StreamRetention) {
        self.retention = retention
    }

    func stream(id: String) -> LiveStream? { byID[id] }

    func stream(sessionID: String, messageID: String) -> LiveStream? {
        byMessage[Message(sessionID: sessionID, messageID: messageID)]
    }

    /// What a held stream takes besides its log, in bytes: about, as measured with ids and a question of usual lengths.
    static let overhead = 1200

    /// - Parameter logByteCount: the memory of the stream's log, its terminal event included.
    mutating func add(_ stream: LiveStream, logByteCount: Int, now: Int64) {
        let entry = Entry(stream: stream, endedAt: now, byteCount: logByteCount + Self.overhead)
        entries.append(entry)
        byteCount += entry.byteCount
        byID[stream.id] = stream
        if let messageID = stream.question.messageID {
            byMessage[Message(sessionID: stream.sessionID, messageID: messageID)] = stream
        }
        removeExpired(now: now)
    }

    /// For all logs, in bytes.
    var memoryLimit: Int { retention.memory }

    /// - Parameter running: what the logs of running streams take of the memory, in bytes.
    mutating func removeExpired(now: Int64, besides running: Int = 0) {
        while first < entries.count {
            let entry = entries[first]
            guard now - entry.endedAt >= retention.time || byteCount + running > retention.memory else { break }
            forget(entry)
            entries[first].stream = nil
            first += 1
        }
        guard first > 64, first * 2 > entries.count else { return }
        entries.removeFirst(first)
        first = 0
    }

    mutating func remove(where isRemoved: (LiveStream) -> Bool) {
        var kept: [Entry] = []
        for entry in entries[first...] {
            guard let stream = entry.stream else { continue }
            if isRemoved(stream) { forget(entry) } else { kept.append(entry) }
        }
        entries = kept
        first = 0
    }

    private mutating func forget(_ entry: Entry) {
        guard let stream = entry.stream else { return }
        byteCount -= entry.byteCount
        byID[stream.id] = nil
        if let messageID = stream.question.messageID {
            let message = Message(sessionID: stream.sessionID, messageID: messageID)
            if byMessage[message] === stream { byMessage[message] = nil }
        }
    }
}
