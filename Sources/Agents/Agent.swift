import Primitives

/// Somebody who answers questions.
package protocol Agent: Sendable {
    /// The `agent_type` by which it is chosen: `assistant`.
    var name: String { get }

    /// What it is good for, in one line, for `/api/chat/info`.
    var summary: String { get }

    /// What is wrong with the part of a request's `context` that this agent reads, so that the request can be refused
    /// before an answer is begun. Empty: nothing.
    func faults(in requestContext: JSONObject) -> [ContextFault]

    /// What `faults(in:)` finds nothing wrong with, as JSON Schema (draft 2020-12): for the API's documentation.
    var contextSchema: JSONObject { get }

    /// How the service behind it is doing; nil where there is none.
    var health: AgentHealth? { get }

    /// Starts an answer. Nothing is asked of a model before the first `next`.
    ///
    /// - Parameter wake: to be called, from any thread, when there is a piece, an end or an error to be asked for, where the
    ///   answer has said that it waits.
    func answer(_ prompt: AgentPrompt, clock: any AgentClock, wake: @escaping @Sendable () -> Void) -> any AgentAnswer
}

extension Agent {
    package func faults(in requestContext: JSONObject) -> [ContextFault] { [] }
    package var contextSchema: JSONObject { ["type": "object"] }
    package var health: AgentHealth? { nil }
}
