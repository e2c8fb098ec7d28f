import Primitives

/// How an `OpenAIAgent` asks its model.
package struct OpenAIAgentOptions: Sendable, Equatable {
    /// The `agent_type`.
    package var name: String
    package var summary: String
    package var model: String
    package var systemPrompt: PromptTemplate
    /// Nil: the model's own.
    package var temperature: Double?
    /// For the answer; nil: the model's own limit.
    package var maxTokens: Int?
    /// Whether the service is asked to tell how many tokens an answer took (`stream_options`), which old ones refuse.
    package var asksForUsage = true
    package var timeouts = AgentTimeouts()
    /// How often a request that has brought nothing yet is made again.
    package var retries = 2

    package init(name: String, summary: String, model: String, systemPrompt: PromptTemplate) {
        self.name = name
        self.summary = summary
        self.model = model
        self.systemPrompt = systemPrompt
    }
}

/// How long an agent waits for its model, in nanoseconds.
package struct AgentTimeouts: Sendable, Equatable {
    /// For a connection.
    package var connect: Int64 = 5_000_000_000
    /// From a request to the first of the answer, and for a place among those who ask.
    package var firstToken: Int64 = 30_000_000_000
    /// From one byte of the answer to the next.
    package var stall: Int64 = 30_000_000_000
    /// From the question to the end of the answer, all tries included.
    package var total: Int64 = 600_000_000_000

    package init() {}
}
