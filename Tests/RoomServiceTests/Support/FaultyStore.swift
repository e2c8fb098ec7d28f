import Primitives
import Storage
import Synchronization

/// How often the end of an answer cannot be stored yet.
final class EndFaults: Sendable {
    /// Whether the next question is stored, and said not to be.
    let losesNextBeginning = Atomic(false)
    /// How often it was looked for the answer to a message, and the result was there.
    let messageLookups = Atomic(0)
    private let left: Mutex<Int>
    /// Who waits to store a question; nil: nobody has to.
    private let held = Mutex<[CheckedContinuation<Void, Never>]?>(nil)
    private let count = Mutex(0)

    init(_ left: Int) {
        self.left = Mutex(left)
    }

    /// How often the store has been asked.
    var attempts: Int { count.withLock { $0 } }

    /// From now on that many cannot be stored.
    func begin(_ count: Int) { left.withLock { $0 = count } }

    /// From now on the store takes them.
    func end() { left.withLock { $0 = 0 } }

    /// From now on no question is stored.
    func holdBeginnings() { held.withLock { $0 = $0 ?? [] } }

    /// Lets all be stored that wait for it, and from now on any.
    func releaseBeginnings() {
        let waiting = held.withLock { held in
            defer { held = nil }
            return held ?? []
        }
        for one in waiting { one.resume() }
    }

    fileprivate func waitToBegin() async {
        await withCheckedContinuation { continuation in
            let isHeld = held.withLock { held in
                held?.append(continuation)
                return held != nil
            }
            if !isHeld { continuation.resume() }
        }
    }

    fileprivate func next() throws(StoreError) {
        count.withLock { $0 += 1 }
        let fails = left.withLock { left in
            left -= 1
            return left >= 0
        }
        if fails { throw Self.error }
    }

    /// As long as ends cannot be stored, checkpoints cannot be either.
    fileprivate func check() throws(StoreError) {
        if left.withLock({ $0 > 0 }) { throw Self.error }
    }

    private static let error = StoreError(.unavailable, "The disk is full")
}

/// A real store that cannot always store the text and the end of an answer.
final class FaultyStore: Store {
    private let base: any Store
    private let ends: EndFaults

    /// - Parameter isShared: whether it says that other instances use it too; nil: as `base` does.
    init(_ base: any Store, ends: EndFaults, isShared: Bool? = nil) {
        self.base = base
        self.ends = ends
        self.isShared = isShared ?? base.isShared
    }

    var backend: String { base.backend }
    let isShared: Bool
    var location: String { base.location }

    func cancelRequests(instanceID: String) async throws(StoreError) -> [String] {
        try await base.cancelRequests(instanceID: instanceID)
    }

    func end(_ end: ConversationEnd) async throws(StoreError) -> Bool {
        try ends.next()
        return try await base.end(end)
    }

    var queues: [StoreQueue] { base.queues }
    var memoryByteCount: Int? { base.memoryByteCount }

    func ping() async throws(StoreError) { try await base.ping() }
    func close() async { await base.close() }

    func createRoom(_ room: Room, limit: Int) async throws(StoreError) {
        try await base.createRoom(room, limit: limit)
    }

    func room(id: String) async throws(StoreError) -> Room? { try await base.room(id: id) }

    func rooms(userID: String, order: RoomOrder, page: PageRequest) async throws(StoreError) -> Page<RoomSummary> {
        try await base.rooms(userID: userID, order: order, page: page)
    }

    func updateRoom(id: String, userID: String, changes: RoomChanges, at time: Timestamp) async throws(StoreError)
        -> Room
    {
        try await base.updateRoom(id: id, userID: userID, changes: changes, at: time)
    }

    func deleteRoom(id: String, userID: String, at time: Timestamp) async throws(StoreError) -> Int {
        try await base.deleteRoom(id: id, userID: userID, at: time)
    }

    func createSession(_ session: Session, newRoom: Room?, roomLimit: Int) async throws(StoreError) {
        try await base.createSession(session, newRoom: newRoom, roomLimit: roomLimit)
    }

    func session(id: String, at time: Timestamp) async throws(StoreError) -> Session? {
        try await base.session(id: id, at: time)
    }

    func resetContext(sessionID: String, agentType: String?, at time: Timestamp) async throws(StoreError) -> Int {
        try await base.resetContext(sessionID: sessionID, agentType: agentType, at: time)
    }

    func contextCount(of session: Session) async throws(StoreError) -> Int {
        try await base.contextCount(of: session)
    }

    func context(of session: Session, limit: Int) async throws(StoreError) -> [Conversation] {
        try await base.context(of: session, limit: limit)
    }

    func deleteSession(id: String, at time: Timestamp) async throws(StoreError) {
        try await base.deleteSession(id: id, at: time)
    }

    func sessionCount(at time: Timestamp) async throws(StoreError) -> Int { try await base.sessionCount(at: time) }

    func removeExpiredSessions(at time: Timestamp) async throws(StoreError) -> Int {
        try await base.removeExpiredSessions(at: time)
    }

    func begin(_ conversation: Conversation, stream: ActiveStream, startsContext: Bool) async throws(StoreError) {
        await ends.waitToBegin()
        try await base.begin(conversation, stream: stream, startsContext: startsContext)
        if ends.losesNextBeginning.exchange(false, ordering: .relaxed) {
            throw StoreError(.unavailable, "The acknowledgement is lost")
        }
    }

    func withdraw(conversationID: String, streamID: String) async throws(StoreError) {
        try await base.withdraw(conversationID: conversationID, streamID: streamID)
    }

    func requestCancellation(sessionID: String, streamID: String?) async throws(StoreError) -> String? {
        try await base.requestCancellation(sessionID: sessionID, streamID: streamID)
    }

    var storesWholeTexts: Bool { base.storesWholeTexts }

    func checkpoint(_ checkpoint: Checkpoint) async throws(StoreError) {
        if !checkpoint.isEmpty { try ends.check() }
        try await base.checkpoint(checkpoint)
    }

    func forgetParts(before time: Int64) async throws(StoreError) { try await base.forgetParts(before: time) }

    func recordHeartbeats(
        of streamIDs: [String],
        instanceID: String,
        at time: Timestamp
    ) async throws(StoreError) -> [String] {
        try await base.recordHeartbeats(of: streamIDs, instanceID: instanceID, at: time)
    }

    func interruptOrphans(
        notOf instanceID: String,
        staleBefore: Timestamp?,
        at time: Timestamp
    ) async throws(StoreError) -> Int {
        try await base.interruptOrphans(notOf: instanceID, staleBefore: staleBefore, at: time)
    }

    func conversation(streamID: String) async throws(StoreError) -> Conversation? {
        try await base.conversation(streamID: streamID)
    }

    func conversation(sessionID: String, messageID: String) async throws(StoreError) -> Conversation? {
        defer { ends.messageLookups.wrappingAdd(1, ordering: .relaxed) }
        return try await base.conversation(sessionID: sessionID, messageID: messageID)
    }

    func conversations(_ filter: ConversationFilter, page: PageRequest) async throws(StoreError) -> Page<Conversation> {
        try await base.conversations(filter, page: page)
    }

    func deleteConversations(sessionID: String, roomID: String) async throws(StoreError) -> Int {
        try await base.deleteConversations(sessionID: sessionID, roomID: roomID)
    }

    func activeStreams() async throws(StoreError) -> [ActiveStream] { try await base.activeStreams() }
}
