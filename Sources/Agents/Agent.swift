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

    /// Starts an answer. Nothing is asked of a model before the first `next`.
    func answer(_ prompt: AgentPrompt, pacer: any AgentPacer) -> any AgentAnswer
}

extension Agent {
    package func faults(in requestContext: JSONObject) -> [ContextFault] { [] }
}
