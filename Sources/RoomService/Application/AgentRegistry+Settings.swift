import Agents
import HTTPClient
import Primitives

extension AgentRegistry {
    /// Who answers, as the settings say.
    init(_ settings: Settings, client: HTTPClient, random: any IdentifierGenerator = RandomIdentifierGenerator()) {
        var agents: [any Agent] = settings.modelAgents.map { agent in
            // Each has its own breaker: behind one address there may be many models, of which one can be out of order.
            let upstream = Upstream(agent.endpoint, limits: agent.limits)
            return OpenAIAgent(agent.options, upstream: upstream, client: client, random: random)
        }
        if agents.isEmpty {
            agents = [DemoAgent(options: DemoOptions(tokens: settings.demoTokens, rate: settings.demoRate))]
        }
        let first = agents.firstIndex { $0.name == settings.defaultAgent } ?? 0
        let defaultAgent = agents.remove(at: first)
        self.init(default: defaultAgent, others: agents)
    }
}
