/// Every SQL statement that the store runs, but for the migrations'. Each connection prepares each of them once.
enum StoreStatement: Int, CaseIterable {
    case begin, beginImmediate, commit, rollback
    case savepoint, releaseSavepoint, rollbackToSavepoint

    case ping
    case room, roomOwner, roomCount, insertRoom, updateRoom, markRoomDeleted, touchRoom, touchRoomOfConversation
    case roomsByActivity, roomsByActivityDescending
    case roomsByCreation, roomsByCreationDescending
    case roomsByName, roomsByNameDescending

    case session, liveSession, insertSession, touchSession, touchSessionAndStartContext, setContext
    case touchSessionOfConversation
    case deleteSession, deleteRoomSessions, deleteExpiredSessions, sessionCount

    case contextKeys, contextConversations

    case insertConversation, saveText, endConversation, interruptConversation, withdrawConversation, orphans
    case conversationByStream, conversationByMessage, hasMessage
    case userConversations, userAgentConversations
    case sessionConversations, sessionAgentConversations, roomConversations
    case userConversationCount, userAgentConversationCount
    case sessionConversationCount, sessionAgentConversationCount, roomConversationCount
    case deleteRoomConversations, deleteSessionConversations

    case insertAnswerParts, answerParts, deleteAnswerParts, runningConversations, runningTextSize,
        appendText

    case insertStream, saveHeartbeat, deleteStream, deleteRoomStreams, deleteOrphanStreams, activeStreams

    /// What error messages call it.
    var name: String { Self.names[rawValue] }

    /// Made once: asking an enum for its name takes longer than many a statement.
    private static let names = allCases.map { String(describing: $0) }
}
