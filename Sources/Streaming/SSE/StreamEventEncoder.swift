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
    /// Where events are encoded. Who encodes the events of many streams in turn lends them the same buffers, which then stay in
    /// the processor's cache.
    package var buffers = EventBuffers()
    /// The event encoded last, chunk framing included.
    package var bytes: [UInt8] { buffers.bytes }
    /// The same without the framing.
    package var payload: [UInt8] { buffers.event }

    private let idPrefix: [UInt8]
    /// What every event's object ends with: who answers, in which stream.
    private let suffix: [UInt8]

    /// - Parameter firstSequence: 0 but for what is told of a stream whose own events are gone.
    package init(streamID: String, agentType: String, firstSequence: Int = 0) {
        self.streamID = streamID
        nextSequence = firstSequence
        var prefix: [UInt8] = []
        prefix.append(ascii: "id: ")
        prefix.append(utf8: streamID)
        prefix.append(UInt8(ascii: ":"))
        idPrefix = prefix
        var suffix: [UInt8] = []
        suffix.append(ascii: ",\"agent_type\":")
        suffix.append(jsonString: agentType)
        suffix.append(ascii: ",\"stream_id\":")
        suffix.append(jsonString: streamID)
        suffix.append(ascii: "}\n\n")
        self.suffix = suffix
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
        buffers.event.append(contentsOf: idPrefix)
        buffers.event.append(decimal: nextSequence)
        buffers.event.append(ascii: "\ndata: ")
    }

    private mutating func end() {
        buffers.event.append(contentsOf: suffix)
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
