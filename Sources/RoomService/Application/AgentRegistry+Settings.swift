import Agents
import HTTPClient
import Primitives

extension AgentRegistry {
    /// Who answers, as the settings say. Agents that ask the same API share its places, and what is known of its health.
    init(_ settings: Settings, client: HTTPClient, random: any IdentifierGenerator = RandomIdentifierGenerator()) {
        var upstreams: [UpstreamEndpoint: Upstream] = [:]
        var agents: [any Agent] = settings.modelAgents.map { agent in
            let upstream = upstreams[agent.endpoint] ?? Upstream(agent.endpoint, limits: agent.limits)
            upstreams[agent.endpoint] = upstream
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
