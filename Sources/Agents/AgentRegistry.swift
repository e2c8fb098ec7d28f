/// The agents there are, and which of them answers.
package struct AgentRegistry: Sendable {
    /// The `agent_type` that leaves the choice to the registry.
    package static let automatic = "auto"

    /// All agents; the default first.
    package let agents: [any Agent]

    private let agentsByName: [String: any Agent]

    package var defaultAgent: any Agent { agents[0] }

    /// - Precondition: names are unique, and none is `auto`.
    package init(default defaultAgent: any Agent, others: [any Agent] = []) {
        agents = [defaultAgent] + others
        agentsByName = Dictionary(uniqueKeysWithValues: agents.map { ($0.name, $0) })
        precondition(agentsByName[Self.automatic] == nil, "'auto' is no agent's name")
    }

    /// The agent of this name. `auto` is none.
    package subscript(name: String) -> (any Agent)? { agentsByName[name] }

    /// The agent that answers a request.
    ///
    /// An agent that the request names is taken or, if there is none of that name, nil is returned. For `auto`, it is the
    /// first that exists of the room's, the session's, and the default: a room may outlive an agent that it was made for.
    ///
    /// - Parameters:
    ///   - agentType: the request's `agent_type`.
    ///   - roomInitialAgent: `initial_agent` of the room's metadata.
    ///   - sessionActiveAgent: who answered last in the session.
    package func agent(
        for agentType: String,
        roomInitialAgent: String?,
        sessionActiveAgent: String?
    ) -> (any Agent)? {
        guard agentType == Self.automatic else { return agentsByName[agentType] }
        for name in [roomInitialAgent, sessionActiveAgent] {
            if let name, let agent = agentsByName[name] { return agent }
        }
        return defaultAgent
    }
}
