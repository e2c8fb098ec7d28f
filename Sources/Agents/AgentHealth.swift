/// How the service behind an agent is doing.
package struct AgentHealth: Sendable, Equatable {
    package var upstream: Upstream.Health
    /// Requests that were made again, since the start.
    package var retries: Int

    package init(_ upstream: Upstream.Health, retries: Int) {
        self.upstream = upstream
        self.retries = retries
    }
}
