import Storage
import Streaming

extension ActiveStreamTracker {
    /// The conversation with all the text that has been shown, where this instance runs its answer: what is stored of an
    /// answer lags behind until it has ended.
    func current(_ conversation: Conversation) -> Conversation {
        guard conversation.status == .streaming, let id = conversation.streamID, let stream = stream(id: id) else {
            return conversation
        }
        var conversation = conversation
        conversation.agentResponse = stream.log.answer
        return conversation
    }
}
