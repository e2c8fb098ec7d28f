/// A variable of a part that this build does not have.
struct UnsupportedVariable: Sendable {
    let name: String
    /// What it would set up, to follow "this build has no".
    let part: String
    /// Whether the start is refused: without the part, data would go elsewhere, instances would act apart, or another agent
    /// would answer. The others only tune a part, and a warning will do.
    let isDecisive: Bool

    static let all = [
        UnsupportedVariable(name: "REDIS_URL", part: "Redis support", isDecisive: true),
        UnsupportedVariable(name: "REDIS_PASSWORD", part: "Redis support", isDecisive: false),
        UnsupportedVariable(name: "OPENAI_BASE_URL", part: "agent for OpenAI-compatible models", isDecisive: true),
        UnsupportedVariable(name: "OPENAI_API_KEY", part: "agent for OpenAI-compatible models", isDecisive: false),
        UnsupportedVariable(name: "OPENAI_MODEL", part: "agent for OpenAI-compatible models", isDecisive: false),
        UnsupportedVariable(name: "AGENTS_FILE", part: "agents from a file", isDecisive: true),
        UnsupportedVariable(name: "AGENT_TIMEOUT_SECONDS", part: "agent that asks a model", isDecisive: false),
        UnsupportedVariable(name: "AGENT_RETRIES", part: "agent that asks a model", isDecisive: false),
    ]
}
