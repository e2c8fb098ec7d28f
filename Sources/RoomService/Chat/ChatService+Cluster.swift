import HTTPServer
import Primitives
import Streaming

extension ChatService {
    /// How long is waited before a place that another stream has is asked for again, in nanoseconds: one that has just been shown to end
    /// may still have it.
    private static let claimRetry: Int64 = 60_000_000

    /// Takes the session's place among all instances.
    ///
    /// - Returns: nil when it is taken, or Redis cannot tell; else the answer to the same question, which another instance makes.
    /// - Throws: `STREAM_ACTIVE`, `STREAM_LIMIT_EXCEEDED`; the stream has been given up then.
    func claim(_ stream: LiveStream, _ question: ChatQuestion, on loop: EventLoop) async throws(APIError)
        -> RemoteStreams.Copy?
    {
        guard let cluster else { return nil }
        var claim = await cluster.claim(stream, userLimit: tracker.userLimit, on: loop)
        if case .busy(let running) = claim, running.instanceID == cluster.membership.id,
            tracker.running(id: running.streamID) == nil, let token = cluster.membership.token
        {
            // Of a stream of this instance that has ended while Redis was away.
            let member = Membership.name(cluster.membership.id, token)
            cluster.release(streamID: running.streamID, stream.sessionID, stream.userID, of: member, on: loop)
            claim = await cluster.claim(stream, userLimit: tracker.userLimit, on: loop)
        } else if case .busy(let running) = claim, !isSame(question, stream, running) {
            _ = try? await loop.sleep(until: loop.now + Self.claimRetry)
            claim = await cluster.claim(stream, userLimit: tracker.userLimit, on: loop)
        }
        let refusal: APIError
        switch claim {
        case .claimed, .alone: return nil
        case .userLimitReached: refusal = APIError(.userLimitReached(limit: tracker.userLimit))
        case .busy(let running):
            refusal = APIError(.sessionBusy(streamID: running.streamID))
            if isSame(question, stream, running), let copy = await copy(of: running.streamID, cluster, on: loop) {
                // Before its end is shown: whoever has joined it looks then.
                stream.giveWay(to: running.streamID)
                show(.failed(code: refusal.code, message: refusal.message), of: stream, answer: "", isKept: false)
                return copy
            }
        }
        show(.failed(code: refusal.code, message: refusal.message), of: stream, answer: "", isKept: false)
        throw refusal
    }

    /// What a client is given that asks a question which is being answered. An answer that has not begun may still be refused for the same
    /// one of another instance: then it is that one for all who have asked here.
    func answer(joining running: LiveStream, on loop: EventLoop) async -> Answer {
        guard let cluster else { return .stream(running) }
        for _ in 0..<Self.joinWaits where !running.hasBegun && !running.log.hasEnded {
            guard (try? await loop.sleep(until: loop.now + Self.raceInterval)) != nil else { break }
        }
        guard let id = running.replacementID, let copy = await copy(of: id, cluster, on: loop) else {
            return .stream(running)
        }
        return .copy(copy)
    }

    /// About three seconds: longer than it is waited for the other instance's copy.
    private static let joinWaits = 300

    /// The copy of a stream whose place has been taken, and which may be told of only a moment later.
    func copy(of streamID: String, _ cluster: Cluster, on loop: EventLoop) async -> RemoteStreams.Copy? {
        for _ in 0..<Self.copyTries {
            if let copy = await cluster.remote.copy(of: streamID) { return copy }
            guard !cluster.membership.isAlone,
                (try? await loop.sleep(until: loop.now + Self.claimRetry)) != nil
            else { return nil }
        }
        return nil
    }

    /// About a second.
    private static let copyTries = 16

    private func isSame(_ question: ChatQuestion, _ stream: LiveStream, _ running: Cluster.Running) -> Bool {
        (question.messageID != nil || question.joinsSameQuery) && running.question == stream.question.key
    }

    /// Does what another instance asks for.
    func handle(_ message: InstanceMessages.Message, on loop: EventLoop) async {
        switch message {
        case .stop(let id, let from, let request):
            var answer: String?
            if let stream = tracker.running(id: id) { answer = await stop(stream, by: .stopRequest, on: loop) }
            cluster?.messages.tell(from, .stopped(request: request, answer: answer))
        case .roomDeleted(let id): await endOwnStreams(ofRoom: id, on: loop)
        case .historyDeleted(let id): forgetOwnEndedStreams(ofSession: id)
        case .sessionDeleted(let id): tracker.endFollowers { $0.sessionID == id }
        case .stopped, .sealed: break
        }
    }
}
