import Agents

/// What the lines about an answer tell: whose it is, and nothing of what is in it.
extension Reply {
    func fields(capacity: Int) -> LogFields {
        var fields = LogFields(capacity: capacity)
        fields.add(origin)
        fields.add(stream)
        fields.add("agent", stream.agentType)
        return fields
    }

    func fields(_ name: StaticString, _ value: String) -> LogFields {
        var fields = fields(capacity: 8)
        fields.add(name, value)
        return fields
    }

    func fields(_ error: AgentError) -> LogFields {
        var fields = fields(capacity: 10)
        fields.add("error_code", error.code.rawValue)
        fields.add("error", error.message)
        fields.add("reason", error.reason.isEmpty ? nil : error.reason)
        return fields
    }

    /// How it has ended, and what it took.
    func fields(_ end: ReplyEnd, _ answer: String) -> LogFields {
        var fields = fields(capacity: 14)
        fields.add("state", end.streamEnd.rawValue)
        switch end {
        case .complete(let reason):
            fields.add("finish_reason", reason.flatMap { Self.knownReasons.contains($0) ? $0 : nil })
        case .cancelled, .interrupted: fields.add("stopped_by", stream.canceller?.rawValue)
        case .failed(let code, _, _): fields.add("error_code", code)
        }
        fields.add("events", stream.log.eventCount)
        fields.add("bytes", answer.utf8.count)
        fields.add("duration_ms", nanoseconds: pump.progress.time(at: service.time.monotonicNanoseconds))
        fields.add("first_token_ms", nanoseconds: pump.progress.firstTokenTime)
        return fields
    }

    /// Other ones are a model's own words.
    private static let knownReasons: Set = ["length", "content_filter", "tool_calls"]
}
