import Primitives

/// Reads the response to one request, whichever form it has: an event stream of chunks, one JSON object, or an error.
struct ChatCompletionReader {
    enum Item {
        /// A piece of text that was appended.
        case text
        case part(ChatCompletionPart)
        /// All has been said.
        case done
    }

    private enum Form {
        case events
        /// One object, read when it has come whole.
        case object
        /// The body of a response that is no success.
        case refusal
    }

    private let form: Form
    private let status: Int
    private let retryAfter: Int?
    private let endpoint: UpstreamEndpoint
    private var decoder = ServerSentEventDecoder()
    private var body: [UInt8] = []
    /// Whether there was anything that belongs to an answer.
    private var hasParts = false

    /// The largest JSON object, in bytes.
    private static let objectLimit = 4 << 20
    /// How much of a refusal's body is looked at, in bytes.
    private static let refusalLimit = 65_536
    private static let doneMark = Array("[DONE]".utf8)

    init(status: Int, contentType: String, retryAfter: Int?, of endpoint: UpstreamEndpoint) {
        self.status = status
        self.retryAfter = retryAfter
        self.endpoint = endpoint
        form =
            if !(200..<300).contains(status) {
                .refusal
            } else if contentType.lowercased().contains("json") {
                .object
            } else {
                .events
            }
    }

    mutating func append(_ bytes: [UInt8]) throws(OpenAIFailure) {
        switch form {
        case .events: decoder.append(bytes)
        case .object:
            guard body.count + bytes.count <= Self.objectLimit else {
                throw .garbage("an answer of more than \(Self.objectLimit) bytes", of: endpoint)
            }
            body += bytes
        case .refusal: body += bytes.prefix(Self.refusalLimit - body.count)
        }
    }

    /// What comes next of the answer; nil when that has not come yet. Text alone is appended to `text`.
    mutating func next(appendingTo text: inout [UInt8]) throws(OpenAIFailure) -> Item? {
        while form == .events, try nextEvent(isLast: false) {
            if let item = try event(appendingTo: &text) { return item }
        }
        return nil
    }

    /// What comes next of the answer when all of the response has come; nil at its end, unless that is the wrong one.
    mutating func last(appendingTo text: inout [UInt8]) throws(OpenAIFailure) -> Item? {
        switch form {
        case .refusal: throw refusal
        case .events:
            while try nextEvent(isLast: true) {
                if let item = try event(appendingTo: &text) { return item }
            }
        case .object:
            // Whole, so that it is the answer's end as well.
            guard !hasParts else { return .done }
            if let item = try part(body) { return item }
        }
        guard hasParts else { throw .garbage("nothing of a chat completion in the response", of: endpoint) }
        return nil
    }

    /// What a response that is no success says, as far as it has come.
    var refusal: OpenAIFailure {
        OpenAIFailure(status: status, retryAfter: retryAfter, body: body, of: endpoint)
    }

    var isRefusal: Bool { form == .refusal }

    private mutating func nextEvent(isLast: Bool) throws(OpenAIFailure) -> Bool {
        do throws(ServerSentEventDecoder.TooLarge) {
            return try isLast ? decoder.finish() : decoder.next()
        } catch {
            throw .garbage("an event of more than \(ServerSentEventDecoder.eventLimit) bytes", of: endpoint)
        }
    }

    private mutating func event(appendingTo text: inout [UInt8]) throws(OpenAIFailure) -> Item? {
        let count = text.count
        // The first one tells the model's name as well.
        if hasParts, PlainChunk.append(decoder.data, to: &text) { return text.count > count ? .text : nil }
        if decoder.data == Self.doneMark { return .done }
        return try part(decoder.data)
    }

    /// - Returns: nil for an object that is none of an answer: services send such to keep a connection alive, or to tell of what they do.
    private mutating func part(_ bytes: [UInt8]) throws(OpenAIFailure) -> Item? {
        let json: JSONValue
        do throws(JSONError) {
            json = try JSONParser.parse(bytes, repairsSurrogates: true)
        } catch {
            throw .garbage("no JSON in an event: \(error)", of: endpoint)
        }
        guard let object = json.objectValue else { throw .garbage("an event that is no JSON object", of: endpoint) }
        if let said = ChatCompletionError(object) { throw OpenAIFailure(said, of: endpoint) }
        guard let part = ChatCompletionPart(object) else { return nil }
        hasParts = true
        return .part(part)
    }
}
