import Agents

/// An agent that asks a model, as the settings describe it.
struct ModelAgent: Sendable, Equatable {
    var options: OpenAIAgentOptions
    var endpoint: UpstreamEndpoint
    var limits: Upstream.Limits
}
