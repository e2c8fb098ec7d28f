import Synchronization

/// What is counted of an agent's requests.
package final class OpenAIAgentMetrics: Sendable {
    /// Requests that were made again.
    package let retries = Atomic(0)
}
