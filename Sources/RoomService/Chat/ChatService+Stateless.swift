import Agents
import HTTPServer
import Streaming

extension ChatService {
    /// Has a question answered that belongs to no session, and of which nothing is stored. All that the agent may know is in
    /// the prompt. It counts among the running streams like any other.
    ///
    /// - Parameters:
    ///   - userID: whose rate and streams it counts among. Nil: somebody's who serves many users, so that only the rate counts,
    ///     by `address`.
    ///   - log: the request that asks.
    ///   - outcome: where it is told how the answer ends.
    func answer(
        _ prompt: AgentPrompt,
        of userID: String?,
        at address: String,
        by agent: any Agent,
        log: RequestLog,
        outcome: AnswerOutcome,
        on loop: EventLoop
    ) async throws(APIError) -> LiveStream {
        var prompt = prompt
        prompt.trace = log.origin.trace
        // Nobody else knows it: no call can reach the answer by it.
        prompt.sessionID = ids.token(prefix: "stateless_")
        let stream = LiveStream(
            id: ids.token(prefix: "stream_"),
            conversationID: "",
            sessionID: prompt.sessionID,
            roomID: prompt.roomID,
            userID: userID ?? prompt.sessionID,
            agentType: agent.name,
            question: StreamQuestion(query: prompt.question, messageID: nil),
            startedAt: time.now,
            isStored: false,
            // Nobody reads its events.
            retainedLimit: 0
        )
        do throws(StreamRefusal) {
            _ = try tracker.start(stream, joinsSameQuery: false)
        } catch {
            throw APIError(error)
        }
        do throws(APIError) {
            try await rateLimiter.check(.messages, key: userID ?? address)
        } catch {
            abandon(stream, error, on: loop)
            throw error
        }
        log.note(userID: userID, streamID: stream.id)
        Reply.start(stream, agent, prompt, origin: log.origin, outcome: outcome, service: self, on: loop)
        return stream
    }
}
