import Agents

extension AgentRegistry {
    /// Who answers, as the settings say.
    init(_ settings: Settings) {
        self.init(default: DemoAgent(options: DemoOptions(tokens: settings.demoTokens, rate: settings.demoRate)))
    }
}
