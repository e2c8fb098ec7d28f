import Primitives

/// What a store must be able to do so that its schema can be migrated. The engine calls it from one thread.
package protocol MigrationBackend: AnyObject {
    /// What the operator knows the store by.
    var place: String { get }

    /// Whether a step that fails leaves nothing behind.
    var isTransactional: Bool { get }

    /// All runs, oldest first. Makes and changes nothing, and needs no lock.
    func records() throws(StoreError) -> [MigrationRecord]

    /// Takes the lock, without waiting.
    ///
    /// - Throws: `.inUse`, with who has it, when it is not free.
    func lock() throws(StoreError)

    /// Lets go of the lock, if it is still held.
    func unlock()

    /// Stores a new record: the intent, or the whole of a stamp.
    ///
    /// - Returns: the record with its `run`.
    /// - Throws: `.inUse` when the lock has been lost.
    func begin(_ record: MigrationRecord) throws(StoreError) -> MigrationRecord

    /// Runs the statements and completes the stored record with an end; both or neither where the store can do that.
    ///
    /// - Returns: the record with its end.
    func run(
        _ statements: [String],
        of record: MigrationRecord,
        time: any TimeSource
    ) throws(StoreError) -> MigrationRecord

    /// Completes the stored record: how a run ended that failed.
    func end(_ record: MigrationRecord) throws(StoreError)

    /// What the store lacks, or has otherwise, of what these steps make; in words, a line each.
    func differences(from migrations: [Migration]) throws(StoreError) -> [String]

    /// Frees a lock that a dead runner has left.
    ///
    /// - Returns: false when there was none.
    /// - Throws: `.inUse` when its holder is known to live.
    func breakLock() throws(StoreError) -> Bool
}
