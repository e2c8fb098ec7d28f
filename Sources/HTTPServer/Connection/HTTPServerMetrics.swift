import Metrics
import Synchronization

/// What is counted of connections, by all loops: for the operator.
package final class HTTPServerMetrics: Sendable {
    /// Connections that are open now.
    package let connections = Atomic(0)
    package let accepted = Atomic(0)
    /// Those that were cut because the client took nothing of what waited for it.
    package let cutStuck = Atomic(0)
    /// Those whose client was gone without a word.
    package let cutVanished = Atomic(0)
    /// Bytes that sockets have taken, heads and bodies.
    package let sentBytes = Counter()
    /// Memory of the connections' buffers now, in bytes: what has come and waits for its turn, and what clients have not taken yet.
    package let bufferBytes = Counter()

    package init() {}
}
