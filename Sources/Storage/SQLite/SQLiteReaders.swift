/// Threads that read, each on its own connection, beside the writer and each other: write-ahead logging lets them.
final class SQLiteReaders: Sendable {
    /// Reads, and returns what resumes the caller.
    private typealias Read = @Sendable (SQLiteConnection) -> @Sendable () -> Void

    /// How many results at most are kept back, so that callers are woken together.
    private static let answerLimit = 32

    private let queue = JobQueue<Read>()
    private let ended: [Latch]

    private init(count: Int) {
        ended = (0..<count).map { _ in Latch() }
    }

    /// How many reads wait for a thread.
    var waiting: Int { queue.count }

    /// Starts `count` threads on the database at `path`.
    static func start(count: Int, path: String) async throws(StoreError) -> SQLiteReaders {
        let readers = SQLiteReaders(count: count)
        for (index, ended) in readers.ended.enumerated() {
            let opened: Result<Void, StoreError> = await withCheckedContinuation { continuation in
                do throws(StoreError) {
                    try StoreThread.start(name: "store-reader-\(index)") {
                        readers.run(path: path, ended: ended) { continuation.resume(returning: $0) }
                    }
                } catch {
                    ended.open()
                    continuation.resume(returning: .failure(error))
                }
            }
            do {
                try opened.get()
            } catch {
                readers.close()
                throw error
            }
        }
        return readers
    }

    /// Runs `body` on one of the threads. All of its statements see the same state only inside `snapshot`.
    func read<Value: Sendable>(
        _ body: @escaping @Sendable (SQLiteConnection) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let result: Result<Value, StoreError> = await withCheckedContinuation { continuation in
            let isAdded = queue.add { connection in
                do throws(StoreError) {
                    let value = try body(connection)
                    return { continuation.resume(returning: .success(value)) }
                } catch {
                    return { continuation.resume(returning: .failure(error)) }
                }
            }
            if !isAdded { continuation.resume(returning: .failure(.storeClosed)) }
        }
        return try result.get()
    }

    /// Ends the threads, after all that waits; `finish` waits for them.
    func close() {
        queue.close()
    }

    func finish() async {
        for latch in ended { await latch.wait() }
    }

    // MARK: On a thread

    private func run(path: String, ended: Latch, opened: (Result<Void, StoreError>) -> Void) {
        defer { ended.open() }
        do throws(StoreError) {
            let connection = try SQLiteConnection(path: path, access: .readOnly)
            opened(.success(()))
            serve(connection)
        } catch {
            opened(.failure(error))
        }
    }

    private func serve(_ connection: SQLiteConnection) {
        var answers: [@Sendable () -> Void] = []
        while let reads = queue.takeAll() {
            var rest = reads[...]
            while !rest.isEmpty {
                connection.sharingSnapshot(between: min(rest.count, Self.answerLimit)) {
                    for read in rest.prefix(Self.answerLimit) { answers.append(read(connection)) }
                }
                rest = rest.dropFirst(Self.answerLimit)
                flush(&answers)
            }
        }
    }

    private func flush(_ answers: inout [@Sendable () -> Void]) {
        for answer in answers { answer() }
        answers.removeAll(keepingCapacity: true)
    }
}

extension SQLiteConnection {
    /// Runs `body`, which reads for `count` callers, in one transaction: it takes the lock of the write-ahead log once, not
    /// once a caller. Each sees what was committed before it asked, as all have asked before.
    func sharingSnapshot(between count: Int, _ body: () -> Void) {
        // Where it cannot be begun, each read says by itself what is wrong.
        let isShared = count > 1 && (try? run(.begin)) != nil
        body()
        if isShared, isInTransaction, (try? run(.commit)) == nil { _ = try? run(.rollback) }
    }

    /// Runs `body` so that all of its statements see the same state of the database.
    func snapshot<Value>(_ body: () throws(StoreError) -> Value) throws(StoreError) -> Value {
        guard !isInTransaction else { return try body() }
        try run(.begin)
        do throws(StoreError) {
            let value = try body()
            try run(.commit)
            return value
        } catch {
            if isInTransaction { _ = try? run(.rollback) }
            throw error
        }
    }
}

extension StoreError {
    static let storeClosed = StoreError(.unavailable, "the store is closed")
}
