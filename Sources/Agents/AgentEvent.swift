import Primitives

/// What an agent tells besides the answer's text. Clients get it as an event of its own status, which those that do not know
/// it ignore; no part of it counts as content.
package struct AgentEvent: Sendable, Equatable {
    package var status: String
    /// The event's members besides those that all events have.
    package var members: [JSONObject.Member]

    /// A part of a call of a tool, as the model's service tells it: `index`, `id`, `type`, `function`. Parts of one `index`
    /// add up to one call.
    package static func toolCall(_ call: JSONObject) -> AgentEvent {
        AgentEvent(status: "tool_call", members: [JSONObject.Member(key: "tool_call", value: .object(call))])
    }

    /// A piece of what the model thinks before it answers.
    package static func reasoning(_ text: String) -> AgentEvent {
        AgentEvent(status: "reasoning", members: [JSONObject.Member(key: "reasoning", value: .string(text))])
    }
}
