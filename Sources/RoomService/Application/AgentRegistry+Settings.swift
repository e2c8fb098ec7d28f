import Agents
import HTTPClient
import Primitives

extension AgentRegistry {
    /// Who answers, as the settings say.
    init(
        _ settings: Settings,
        client: HTTPClient,
        logger: Logger,
        random: any IdentifierGenerator = RandomIdentifierGenerator()
    ) {
        var agents: [any Agent] = settings.modelAgents.map { agent in
            // Each has its own breaker: behind one address there may be many models, of which one can be out of order.
            let name = agent.options.name
            let upstream = Upstream(agent.endpoint, limits: agent.limits) { change in
                switch change {
                case .leftAlone(let reason):
                    logger.error("model left alone for a while", ["agent": .string(name), "reason": .string(reason)])
                case .inOrder: logger.info("model answers again", ["agent": .string(name)])
                }
            }
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
