import Primitives

/// The memory in which an event is encoded.
package struct EventBuffers: Sendable {
    /// The event, and the event as a chunk.
    fileprivate var event: [UInt8] = []
    fileprivate var bytes: [UInt8] = []

    package init() {}
}

/// Encodes the events of one stream as server-sent events (WHATWG HTML, section 9.2), each framed as one chunk
/// (RFC 9112, section 7.1), so that a log's bytes go out as they are.
///
/// The buffers are used again for each event: encoding allocates nothing once they have grown to the size of the events.
package struct StreamEventEncoder: Sendable {
    package let streamID: String
    /// The sequence number of the next event.
    package private(set) var nextSequence: Int
    /// Where events are encoded.
    package var buffers = EventBuffers()
    /// The event encoded last, chunk framing included.
    package var bytes: [UInt8] { buffers.bytes }
    /// The same without the framing.
    package var payload: [UInt8] { buffers.event }

    /// What every event begins with, its id as far as it does not change, and, from `prefixCount` on, what its object ends with:
    /// who answers, in which stream.
    private let frame: [UInt8]
    private let prefixCount: Int

    /// - Parameter firstSequence: 0 but for what is told of a stream whose own events are gone.
    package init(streamID: String, agentType: String, firstSequence: Int = 0) {
        self.streamID = streamID
        nextSequence = firstSequence
        var frame: [UInt8] = []
        frame.append(ascii: "id: ")
        frame.append(utf8: streamID)
        frame.append(UInt8(ascii: ":"))
        prefixCount = frame.count
        frame.append(ascii: ",\"agent_type\":")
        frame.append(jsonString: agentType)
        frame.append(ascii: ",\"stream_id\":")
        frame.append(jsonString: streamID)
        frame.append(ascii: "}\n\n")
        self.frame = frame
    }

    /// What encoding is going to use.
    package var hint: CacheHint { CacheHint(headOf: frame, lines: 3) }

    /// Appends a piece of the answer, in UTF-8, to `log`. It is encoded in `buffers`, which those who encode the events of many
    /// streams in turn share: they then stay in the processor's cache.
    ///
    /// - Returns: false when the log takes no more.
    package mutating func append(
        _ content: [UInt8],
        to log: StreamLog,
        using buffers: inout EventBuffers
    ) -> Bool {
        swap(&self.buffers, &buffers)
        defer { swap(&self.buffers, &buffers) }
        encodeContent(content)
        return log.append(self.buffers.bytes, content: content)
    }

    /// A piece of the answer, in UTF-8.
    package mutating func encodeContent(_ content: [UInt8]) {
        begin()
        buffers.event.append(ascii: "{\"status\":\"streaming\",\"content\":\"")
        buffers.event.append(jsonEscaping: content)
        buffers.event.append(UInt8(ascii: "\""))
        end()
    }

    /// An event of another status, with members besides those that all events have.
    package mutating func encode(status: String, members: [JSONObject.Member] = []) {
        begin()
        buffers.event.append(ascii: "{\"status\":")
        buffers.event.append(jsonString: status)
        for member in members {
            buffers.event.append(UInt8(ascii: ","))
            buffers.event.append(jsonString: member.key)
            buffers.event.append(UInt8(ascii: ":"))
            buffers.event.append(json: member.value)
        }
        end()
    }

    /// All of the answer so far, for a reader that has missed events: its id is that of the last of them.
    package mutating func encodeReset(answer: String) {
        encode(status: "reset", members: [JSONObject.Member(key: "content", value: .string(answer))])
    }

    private mutating func begin() {
        buffers.event.removeAll(keepingCapacity: true)
        buffers.event.append(contentsOf: frame[..<prefixCount])
        buffers.event.append(decimal: nextSequence)
        buffers.event.append(ascii: "\ndata: ")
    }

    private mutating func end() {
        buffers.event.append(contentsOf: frame[prefixCount...])
        nextSequence += 1
        buffers.bytes.removeAll(keepingCapacity: true)
        buffers.bytes.append(chunk: buffers.event)
    }
}

extension [UInt8] {
    /// Appends `content`, which must not be empty, as one chunk (RFC 9112, section 7.1).
    package mutating func append(chunk content: [UInt8]) {
        append(hexadecimal: content.count)
        append(ascii: "\r\n")
        append(contentsOf: content)
        append(ascii: "\r\n")
    }
}
