import Storage
import Streaming

extension ActiveStreamTracker {
    /// The conversations with all the text that has been shown, where this instance runs their answers: what is stored of an
    /// answer lags behind until it has ended.
    func current(_ conversations: [Conversation], in store: any Store) async throws(StoreError) -> [Conversation] {
        var current: [Conversation] = []
        current.reserveCapacity(conversations.count)
        for conversation in conversations { current.append(try await self.current(conversation, in: store)) }
        return current
    }

    /// The same for the last messages of rooms.
    func current(_ rooms: [RoomSummary], in store: any Store) async throws(StoreError) -> [RoomSummary] {
        var current = rooms
        for index in current.indices {
            guard let message = current[index].lastMessage else { continue }
            current[index].lastMessage = try await self.current(message, in: store)
        }
        return current
    }

    private func current(_ stored: Conversation, in store: any Store) async throws(StoreError) -> Conversation {
        guard stored.status == .streaming, let id = stored.streamID else { return stored }
        guard let stream = stream(id: id) else {
            // It is another instance's, or has ended since it was read.
            return store.isShared ? stored : try await store.conversation(streamID: id) ?? stored
        }
        var conversation = stored
        conversation.agentResponse = stream.log.answer
        return conversation
    }
}
