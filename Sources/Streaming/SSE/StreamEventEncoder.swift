import Primitives

/// Encodes the events of one stream as server-sent events (WHATWG HTML, section 9.2), each framed as one chunk
/// (RFC 9112, section 7.1), so that a log's bytes go out as they are.
///
/// The buffer is used again for each event: encoding allocates nothing once it has grown to the size of the events.
package struct StreamEventEncoder: Sendable {
    package let streamID: String
    /// The sequence number of the next event.
    package private(set) var nextSequence: Int
    /// The event encoded last, chunk framing included.
    package private(set) var bytes: [UInt8] = []
    /// The same without the framing.
    package var payload: [UInt8] { event }

    private let idPrefix: [UInt8]
    /// What every event's object ends with: who answers, in which stream.
    private let suffix: [UInt8]
    private var event: [UInt8] = []

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
        event.append(ascii: "{\"status\":\"streaming\",\"content\":\"")
        event.append(jsonEscaping: content)
        event.append(UInt8(ascii: "\""))
        end()
    }

    /// An event of another status, with members besides those that all events have.
    package mutating func encode(status: String, members: [JSONObject.Member] = []) {
        begin()
        event.append(ascii: "{\"status\":")
        event.append(jsonString: status)
        for member in members {
            event.append(UInt8(ascii: ","))
            event.append(jsonString: member.key)
            event.append(UInt8(ascii: ":"))
            event.append(json: member.value)
        }
        end()
    }

    /// All of the answer so far, for a reader that has missed events: its id is that of the last of them.
    package mutating func encodeReset(answer: String) {
        encode(status: "reset", members: [JSONObject.Member(key: "content", value: .string(answer))])
    }

    /// Lets go of the buffers, until the next event.
    package mutating func releaseMemory() {
        bytes = []
        event = []
    }

    private mutating func begin() {
        event.removeAll(keepingCapacity: true)
        event.append(contentsOf: idPrefix)
        event.append(decimal: nextSequence)
        event.append(ascii: "\ndata: ")
    }

    private mutating func end() {
        event.append(contentsOf: suffix)
        nextSequence += 1
        bytes.removeAll(keepingCapacity: true)
        bytes.append(chunk: event)
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
