import Primitives

/// All that the service keeps, in one place.
package protocol Store: RoomStore, SessionStore, ConversationStore {
    /// What `/api/health` and the start-up lines call it: `sqlite`, `mongodb`.
    var backend: String { get }

    /// Whether other instances of the service may use the store at the same time.
    var isShared: Bool { get }

    /// What the start-up lines say of where it is: a file's path, or a server without its credentials.
    var location: String { get }

    /// What waits at the moment: for the operator.
    var queues: [StoreQueue] { get }

    /// The memory that the store takes in this process, in bytes, where that is known.
    var memoryByteCount: Int? { get }

    /// Answers when the store can be read.
    ///
    /// - Throws: `.unavailable`.
    func ping() async throws(StoreError)

    /// Finishes what has been asked for, and lets go of files, threads and connections. Calls made later throw `.unavailable`.
    func close() async
}
