import Synchronization

/// The one thread that writes. What waits while it commits shares the next transaction, so that one `fdatasync`
/// serves many callers; each of them hears of its result only once that transaction is on the disk.
final class SQLiteWriter: Sendable {
    /// What the writer has done so far.
    struct Statistics: Sendable, Equatable {
        var commits = 0
        /// Callers whose changes were committed.
        var writes = 0
    }

    /// The most that shares a transaction: beyond this, the first callers would wait for too many others' work.
    static let batchLimit = 512

    private let queue = JobQueue<SQLiteWrite>()
    private let ended = Latch()
    private let counters = Mutex(Statistics())

    var statistics: Statistics { counters.withLock { $0 } }

    /// How many writes wait for the next transaction.
    var waiting: Int { queue.count }

    /// Starts the thread, which opens the database by `open`, and keeps `lock` until it has closed it.
    ///
    /// - Returns: the writer, and what `open` tells.
    static func start<Report: Sendable>(
        lock: FileLock,
        open: @escaping @Sendable () throws(StoreError) -> (SQLiteConnection, Report)
    ) async throws(StoreError) -> (SQLiteWriter, Report) {
        let writer = SQLiteWriter()
        let report: Result<Report, StoreError> = await withCheckedContinuation { continuation in
            do throws(StoreError) {
                try StoreThread.start(name: "store-writer") {
                    writer.run(open: open, lock: lock) { continuation.resume(returning: $0) }
                }
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
        return (writer, try report.get())
    }

    /// Runs `body` in a transaction, and returns when it is durable. An error of `body` undoes its changes, and only its.
    ///
    /// `body` may be run twice, when another caller's failure made the writer repeat the transaction.
    func write<Value: Sendable>(
        _ body: @escaping @Sendable (SQLiteConnection) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let result: Result<Value, StoreError> = await withCheckedContinuation { continuation in
            let write = SQLiteWrite(body) { continuation.resume(returning: $0) }
            if !queue.add(write) { write.refuse(.storeClosed) }
        }
        return try result.get()
    }

    /// Ends the thread, after all that waits; `finish` waits for it.
    func close() {
        queue.close()
    }

    func finish() async {
        await ended.wait()
    }

    // MARK: On the thread

    private func run<Report: Sendable>(
        open: @Sendable () throws(StoreError) -> (SQLiteConnection, Report),
        lock: FileLock,
        opened: (Result<Report, StoreError>) -> Void
    ) {
        // In this order: the database is closed before the lock goes, and both before anyone hears of the end.
        let failure = openAndServe(open: open, opened: opened)
        lock.release()
        ended.open()
        if let failure { opened(.failure(failure)) }
    }

    /// - Returns: why the database could not be opened.
    private func openAndServe<Report: Sendable>(
        open: () throws(StoreError) -> (SQLiteConnection, Report),
        opened: (Result<Report, StoreError>) -> Void
    ) -> StoreError? {
        do throws(StoreError) {
            let (connection, report) = try open()
            opened(.success(report))
            serve(connection)
            return nil
        } catch {
            queue.close()
            return error
        }
    }

    private func serve(_ connection: SQLiteConnection) {
        while let writes = queue.takeAll() {
            var rest = writes[...]
            while !rest.isEmpty {
                commit(rest.prefix(Self.batchLimit), on: connection)
                rest = rest.dropFirst(Self.batchLimit)
            }
        }
    }

    private func commit(_ batch: ArraySlice<SQLiteWrite>, on connection: SQLiteConnection) {
        do throws(StoreError) {
            try connection.requireFile()
            let outcomes = try perform(batch, on: connection)
            try connection.run(.commit)
            let succeeded = outcomes.count { $0.failure == nil }
            counters.withLock { counters in
                counters.commits += 1
                counters.writes += succeeded
            }
            for outcome in outcomes { outcome.answer(nil) }
        } catch {
            // A full disk ends the transaction by itself; after other errors it is still open.
            if connection.isInTransaction { _ = try? connection.run(.rollback) }
            for write in batch { write.refuse(error) }
        }
    }

    /// Runs the batch in a new transaction, which is left open.
    ///
    /// Savepoints have SQLite keep a copy of each page that a write touches, for nothing nearly always: writes look first
    /// and then change. So the first attempt is without them; a write that fails half-way costs a second one.
    private func perform(
        _ batch: ArraySlice<SQLiteWrite>,
        on connection: SQLiteConnection
    ) throws(StoreError) -> [SQLiteWrite.Outcome] {
        try connection.run(.beginImmediate)
        var outcomes: [SQLiteWrite.Outcome] = []
        outcomes.reserveCapacity(batch.count)
        for write in batch {
            let changes = connection.totalChanges
            let outcome = try performed(write, on: connection)
            guard outcome.failure == nil || connection.totalChanges == changes else {
                try connection.run(.rollback)
                return try performWithSavepoints(batch, on: connection)
            }
            outcomes.append(outcome)
        }
        return outcomes
    }

    private func performWithSavepoints(
        _ batch: ArraySlice<SQLiteWrite>,
        on connection: SQLiteConnection
    ) throws(StoreError) -> [SQLiteWrite.Outcome] {
        try connection.run(.beginImmediate)
        var outcomes: [SQLiteWrite.Outcome] = []
        for write in batch {
            try connection.run(.savepoint)
            let outcome = try performed(write, on: connection)
            if outcome.failure != nil { try connection.run(.rollbackToSavepoint) }
            try connection.run(.releaseSavepoint)
            outcomes.append(outcome)
        }
        return outcomes
    }

    /// - Throws: the write's own error when that has ended the transaction for all, as a full disk does.
    private func performed(
        _ write: SQLiteWrite,
        on connection: SQLiteConnection
    ) throws(StoreError) -> SQLiteWrite.Outcome {
        let outcome = write.perform(connection)
        guard connection.isInTransaction else {
            throw outcome.failure ?? StoreError(.failed, "write: the transaction has ended early: \(connection.path)")
        }
        return outcome
    }
}
