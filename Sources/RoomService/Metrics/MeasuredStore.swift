import Metrics
import Primitives
import Storage

/// A store that counts what it is asked for.
struct MeasuredStore: Store {
    private let base: any Store
    private let time: any TimeSource
    private let roomCreations: Counter
    let metrics: StoreMetrics

    /// - Parameter roomCreations: where the rooms are counted that it has stored.
    init(_ base: any Store, roomCreations: Counter, time: any TimeSource) {
        self.base = base
        self.time = time
        self.roomCreations = roomCreations
        metrics = StoreMetrics(of: base)
    }

    private func measured<Value>(
        _ operation: StoreMetrics.Operation,
        _ call: () async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let start = time.monotonicNanoseconds
        do throws(StoreError) {
            let value = try await call()
            metrics.didEnd(operation, .ok, nanoseconds: time.monotonicNanoseconds - start)
            return value
        } catch {
            metrics.didEnd(operation, StoreMetrics.Result(error), nanoseconds: time.monotonicNanoseconds - start)
            throw error
        }
    }

    // MARK: Store

    var backend: String { base.backend }
    var isShared: Bool { base.isShared }
    var location: String { base.location }
    var storesWholeTexts: Bool { base.storesWholeTexts }
    var queues: [StoreQueue] { base.queues }
    var memoryByteCount: Int? { base.memoryByteCount }

    func ping() async throws(StoreError) {
        try await measured(.ping) { () throws(StoreError) in try await base.ping() }
    }

    func close() async { await base.close() }

    // MARK: RoomStore

    func createRoom(_ room: Room, limit: Int) async throws(StoreError) {
        try await measured(.createRoom) { () throws(StoreError) in try await base.createRoom(room, limit: limit) }
        roomCreations.add()
    }

    func room(id: String) async throws(StoreError) -> Room? {
        try await measured(.room) { () throws(StoreError) in try await base.room(id: id) }
    }

    func rooms(userID: String, order: RoomOrder, page: PageRequest) async throws(StoreError) -> Page<RoomSummary> {
        try await measured(.rooms) { () throws(StoreError) in
            try await base.rooms(userID: userID, order: order, page: page)
        }
    }

    func updateRoom(id: String, userID: String, changes: RoomChanges, at time: Timestamp) async throws(StoreError)
        -> Room
    {
        try await measured(.updateRoom) { () throws(StoreError) in
            try await base.updateRoom(id: id, userID: userID, changes: changes, at: time)
        }
    }

    func deleteRoom(id: String, userID: String, at time: Timestamp) async throws(StoreError) -> Int {
        try await measured(.deleteRoom) { () throws(StoreError) in
            try await base.deleteRoom(id: id, userID: userID, at: time)
        }
    }

    // MARK: SessionStore

    func createSession(_ session: Session, newRoom: Room?, roomLimit: Int) async throws(StoreError) {
        try await measured(.createSession) { () throws(StoreError) in
            try await base.createSession(session, newRoom: newRoom, roomLimit: roomLimit)
        }
        if newRoom != nil { roomCreations.add() }
    }

    func session(id: String, at time: Timestamp) async throws(StoreError) -> Session? {
        try await measured(.session) { () throws(StoreError) in try await base.session(id: id, at: time) }
    }

    func resetContext(sessionID: String, agentType: String?, at time: Timestamp) async throws(StoreError) -> Int {
        try await measured(.resetContext) { () throws(StoreError) in
            try await base.resetContext(sessionID: sessionID, agentType: agentType, at: time)
        }
    }

    func contextCount(of session: Session) async throws(StoreError) -> Int {
        try await measured(.contextCount) { () throws(StoreError) in try await base.contextCount(of: session) }
    }

    func context(of session: Session, limit: Int) async throws(StoreError) -> [Conversation] {
        try await measured(.context) { () throws(StoreError) in try await base.context(of: session, limit: limit) }
    }

    func deleteSession(id: String, at time: Timestamp) async throws(StoreError) {
        try await measured(.deleteSession) { () throws(StoreError) in try await base.deleteSession(id: id, at: time) }
    }

    func sessionCount(at time: Timestamp) async throws(StoreError) -> Int {
        try await measured(.sessionCount) { () throws(StoreError) in try await base.sessionCount(at: time) }
    }

    func removeExpiredSessions(at time: Timestamp) async throws(StoreError) -> Int {
        try await measured(.removeExpiredSessions) { () throws(StoreError) in
            try await base.removeExpiredSessions(at: time)
        }
    }

    // MARK: ConversationStore

    func begin(_ conversation: Conversation, stream: ActiveStream, startsContext: Bool) async throws(StoreError) {
        try await measured(.begin) { () throws(StoreError) in
            try await base.begin(conversation, stream: stream, startsContext: startsContext)
        }
    }

    func withdraw(conversationID: String, streamID: String) async throws(StoreError) {
        try await measured(.withdraw) { () throws(StoreError) in
            try await base.withdraw(conversationID: conversationID, streamID: streamID)
        }
    }

    func checkpoint(_ checkpoint: Checkpoint) async throws(StoreError) {
        try await measured(.checkpoint) { () throws(StoreError) in try await base.checkpoint(checkpoint) }
    }

    func forgetParts(before time: Int64) async throws(StoreError) {
        try await measured(.forgetParts) { () throws(StoreError) in try await base.forgetParts(before: time) }
    }

    func recordHeartbeats(of streamIDs: [String], instanceID: String, at time: Timestamp) async throws(StoreError)
        -> [String]
    {
        try await measured(.recordHeartbeats) { () throws(StoreError) in
            try await base.recordHeartbeats(of: streamIDs, instanceID: instanceID, at: time)
        }
    }

    func end(_ end: ConversationEnd) async throws(StoreError) -> Bool {
        try await measured(.end) { () throws(StoreError) in try await base.end(end) }
    }

    func interruptOrphans(notOf instanceID: String, staleBefore: Timestamp?, at time: Timestamp)
        async throws(StoreError)
        -> Int
    {
        try await measured(.interruptOrphans) { () throws(StoreError) in
            try await base.interruptOrphans(notOf: instanceID, staleBefore: staleBefore, at: time)
        }
    }

    func conversation(streamID: String) async throws(StoreError) -> Conversation? {
        try await measured(.conversation) { () throws(StoreError) in try await base.conversation(streamID: streamID) }
    }

    func conversation(sessionID: String, messageID: String) async throws(StoreError) -> Conversation? {
        try await measured(.conversation) { () throws(StoreError) in
            try await base.conversation(sessionID: sessionID, messageID: messageID)
        }
    }

    func conversations(_ filter: ConversationFilter, page: PageRequest) async throws(StoreError) -> Page<Conversation> {
        try await measured(.conversations) { () throws(StoreError) in try await base.conversations(filter, page: page) }
    }

    func deleteConversations(sessionID: String, roomID: String) async throws(StoreError) -> Int {
        try await measured(.deleteConversations) { () throws(StoreError) in
            try await base.deleteConversations(sessionID: sessionID, roomID: roomID)
        }
    }

    func cancelRequests(instanceID: String) async throws(StoreError) -> [String] {
        try await measured(.cancelRequests) { () throws(StoreError) in
            try await base.cancelRequests(instanceID: instanceID)
        }
    }

    func requestCancellation(sessionID: String, streamID: String?) async throws(StoreError) -> String? {
        try await measured(.requestCancellation) { () throws(StoreError) in
            try await base.requestCancellation(sessionID: sessionID, streamID: streamID)
        }
    }

    func activeStreams() async throws(StoreError) -> [ActiveStream] {
        try await measured(.activeStreams) { () throws(StoreError) in try await base.activeStreams() }
    }
}
