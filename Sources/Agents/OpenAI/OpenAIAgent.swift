import HTTPClient
import Primitives

/// An agent that asks a model behind OpenAI's chat completions API, whoever serves it.
package struct OpenAIAgent: Agent {
    package var name: String { options.name }
    package var summary: String { options.summary }
    package let options: OpenAIAgentOptions
    package let upstream: Upstream
    package let metrics = OpenAIAgentMetrics()

    private let client: HTTPClient
    private let random: any IdentifierGenerator

    /// - Parameter random: spreads what is tried again, so that not all come back at once.
    package init(
        _ options: OpenAIAgentOptions,
        upstream: Upstream,
        client: HTTPClient,
        random: any IdentifierGenerator
    ) {
        self.options = options
        self.upstream = upstream
        self.client = client
        self.random = random
    }

    package func answer(
        _ prompt: AgentPrompt,
        clock: any AgentClock,
        wake: @escaping @Sendable () -> Void
    ) -> any AgentAnswer {
        OpenAIAnswer(agent: self, prompt: prompt, client: client, clock: clock, random: random, wake: wake)
    }

    package var health: AgentHealth? {
        AgentHealth(upstream.health, retries: metrics.retries.load(ordering: .relaxed))
    }
}
