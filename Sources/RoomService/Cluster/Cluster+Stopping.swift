import HTTPServer
import Redis
import Streaming

extension Cluster {
    /// How long a stop waits for the instances that follow the stream to fall silent, in nanoseconds. What they hear of it later than that is of no worth
    /// to them (`StreamFeed.validity`).
    private static let sealLimit: Int64 = 1_000_000_000
    /// How long the owner of a stream has to say that it has stopped it, in nanoseconds.
    private static let stopLimit: Int64 = 1_000_000_000
    /// How long a round trip's worth of clocks that differ may add, in nanoseconds.
    private static let clockTolerance: Int64 = 200_000_000

    /// Has the followers of a stopped stream fall silent, on all instances. When this returns, they have said so, or what was told of it before has
    /// lost its worth. To be called on `loop`.
    func seal(_ stream: LiveStream, on loop: EventLoop) async {
        let start = loop.now
        if await isSealed(stream) { return }
        let sentAt = feeds.map { $0.sentAt.load(ordering: .relaxed) }.max() ?? .min
        let end = min(start + Self.sealLimit, max(0, sentAt) + StreamFeed.validity * 1_000_000 + Self.clockTolerance)
        if end > loop.now { _ = try? await loop.sleep(until: end) }
    }

    private func isSealed(_ stream: LiveStream) async -> Bool {
        guard let token = membership.token else { return false }
        let id = membership.id
        let answer = await messages.ask(within: Self.sealLimit) { request, client in
            let entry = StreamEntry.sealed(by: id, request: request)
            let reply = try? await client.run(
                ClusterScripts.seal,
                keys: [.text("instance:\(id)"), .text("stream:\(stream.id)"), .text("events:\(stream.id)")],
                arguments: [.integer(token), .bytes(entry.encoded)]
            )
            return reply?.integer
        }
        if case .complete = answer { return true }
        return false
    }

    enum RemoteStop: Sendable {
        /// With the answer as far as it was shown; nil: it had ended.
        case stopped(answer: String?)
        /// The instance that runs it has not said so in time.
        case unanswered
    }

    /// Has another instance stop one of its streams.
    func stop(_ running: Running) async -> RemoteStop {
        let id = membership.id
        let reply = await messages.ask(within: Self.stopLimit) { request, client in
            let message = InstanceMessages.Message.stop(streamID: running.streamID, from: id, request: request)
            let channel = InstanceMessages.channel(of: running.instanceID)
            let reply = try? await client.send(["PUBLISH", .text(channel), .bytes(message.encoded)])
            // Nobody listens there: the wait is over.
            return reply?.integer == 0 ? nil : 1
        }
        guard case .complete(.stopped(_, let answer)) = reply else { return .unanswered }
        return .stopped(answer: answer)
    }
}
