import Primitives

/// Conversations, and the records of those that are running.
package protocol ConversationStore: Sendable {
    /// Accepts a question: stores the conversation (`.streaming`) and the record of its stream, makes `conversation.timestamp`
    /// the last activity of its room and session, the agent the session's active one, and, where `startsContext`, starts the
    /// session's context anew at that time. All at once, and durable when it returns.
    ///
    /// - Throws: `.sessionNotFound` and `.roomNotFound` when they have gone meanwhile, `.duplicateMessage`.
    func begin(_ conversation: Conversation, stream: ActiveStream, startsContext: Bool) async throws(StoreError)

    /// Takes back a question of which it is not known whether it was accepted, as `begin` threw `.unavailable`: nobody has been
    /// told of it, and who asks it again is to be answered.
    func withdraw(conversationID: String, streamID: String) async throws(StoreError)

    /// Whether each part of a checkpoint is to be whole.
    var storesWholeTexts: Bool { get }

    /// Stores what is new of running answers. Answers that have ended are left alone. What is stored is what `interruptOrphans`
    /// leaves; the text of a conversation that still runs may lag behind it.
    func checkpoint(_ checkpoint: Checkpoint) async throws(StoreError)

    /// Lets go of parts that are not whole and were made before that time, in monotonic nanoseconds: every answer that they are of
    /// has ended, or has been stored whole since.
    func forgetParts(before time: Int64) async throws(StoreError)

    /// Tells that these streams run, on that instance.
    ///
    /// - Returns: those whose answers no longer run, as another program has ended or deleted them; possibly also such as
    ///   have ended by themselves meanwhile.
    @discardableResult
    func recordHeartbeats(
        of streamIDs: [String],
        instanceID: String,
        at time: Timestamp
    ) async throws(StoreError) -> [String]

    /// Stores how a running answer ended, and removes the record of its stream; `end.at` becomes the last
    /// activity of its room and session. Durable when it returns.
    ///
    /// - Returns: false when there was no such running conversation any more: deleted, or ended by someone else.
    func end(_ end: ConversationEnd) async throws(StoreError) -> Bool

    /// Marks every running conversation of other instances than `instanceID` interrupted whose last heartbeat is before
    /// `staleBefore` (nil: every one), with the text of its last checkpoint, and removes its record.
    ///
    /// - Returns: how many.
    func interruptOrphans(
        notOf instanceID: String,
        staleBefore: Timestamp?,
        at time: Timestamp
    ) async throws(StoreError) -> Int

    func conversation(streamID: String) async throws(StoreError) -> Conversation?

    func conversation(sessionID: String, messageID: String) async throws(StoreError) -> Conversation?

    /// One page of conversations, counted from the newest; within the page oldest first.
    func conversations(_ filter: ConversationFilter, page: PageRequest) async throws(StoreError) -> Page<Conversation>

    /// Removes the session's conversations that have ended.
    ///
    /// - Returns: how many.
    func deleteConversations(sessionID: String, roomID: String) async throws(StoreError) -> Int

    /// The running streams of the instance whose records say, written there by whatever program, that they are to stop.
    /// A store that no other program writes to has none.
    func cancelRequests(instanceID: String) async throws(StoreError) -> [String]

    /// Asks the instance that runs the session's answer to stop it, which it does within about a second.
    ///
    /// - Parameter streamID: where given, only that stream is meant.
    /// - Returns: the stream; nil when the store knows of none. A store that is not shared knows of none.
    func requestCancellation(sessionID: String, streamID: String?) async throws(StoreError) -> String?

    /// The records of running streams, oldest first.
    func activeStreams() async throws(StoreError) -> [ActiveStream]
}
