import Primitives

/// A body whose bytes come over time: what a handler returns. It says how to start; nothing runs yet.
package protocol StreamedBody: Sendable {
    /// Called once, on the connection's loop, when the response's head is about to go out.
    func start(_ outlet: BodyOutlet) -> any BodyProducer
}

/// Where a streamed body's bytes go. Valid for as long as the connection lives, harmless afterwards.
///
/// `@unchecked Sendable`: the connection is touched on its loop alone, which each method checks.
package struct BodyOutlet: @unchecked Sendable {
    package let loop: EventLoop
    /// Whether the producer's bytes must be framed as chunks (RFC 9112, section 7.1), the last chunk included.
    package let isChunked: Bool
    /// A cycle only until the connection is closed: then it lets go of its producer. Nil in tests.
    let connection: Connection?

    /// Has the connection ask its producer for bytes, now. To be called on the loop.
    package func pump() {
        loop.preconditionOnLoop()
        connection?.pump()
    }

    /// Ends the connection without a further byte. To be called on the loop.
    package func abort() {
        loop.preconditionOnLoop()
        connection?.close()
    }

    /// What `pump` is going to use.
    package var hint: CacheHint { connection.map { CacheHint($0, lines: 5) } ?? CacheHint() }
}

/// The bytes of one streamed body. Confined to the connection's loop.
package protocol BodyProducer: AnyObject {
    /// Adds views over the bytes that come next to the empty batch.
    func fill(_ batch: inout WriteBatch) -> BodyState

    /// The socket has taken that many of the bytes of the last batch.
    func didSend(_ count: Int)

    /// Nothing was written for the keep-alive time, and nothing waits: makes ready something that clients ignore.
    func keepAlive()

    /// The body has ended or the connection is gone: `fill` will not be called again.
    func didClose()
}

/// Whether a producer has more to give than it has put into the batch.
package enum BodyState: Sendable {
    /// The batch was too small for all there is.
    case more
    /// That is all for now; `BodyOutlet.pump` will tell when there is more.
    case waiting
    /// That is all.
    case finished
}
