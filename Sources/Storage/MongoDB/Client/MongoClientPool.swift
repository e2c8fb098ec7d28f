import CMongoC
import Dispatch
import Primitives
import Synchronization

/// Threads that talk to the server, each on its own connection of libmongoc's pool, while their callers wait without a thread.
///
/// Nothing is connected before the first operation, and a server that is away is looked for again by each: the pool can be
/// made while there is none.
final class MongoClientPool: Sendable {
    /// What a thread does with a connection; true when it found the server unavailable.
    private struct Job: Sendable {
        var addedAt: Int64
        var run: @Sendable (borrowing MongoConnection) -> Bool
        var refuse: @Sendable (StoreError) -> Void
    }

    /// How long work may have waited, in nanoseconds, to be tried while the server is known to be away. Each try takes the
    /// time of a server selection, so that a long queue would otherwise keep its callers for much longer than that.
    private static let patience: Int64 = 250_000_000

    private let queue = JobQueue<Job>()
    /// Those that have not ended.
    private let threads = DispatchGroup()
    /// Whether the last operation that ended found no server.
    private let isAway = Atomic(false)
    private let check: (@Sendable (borrowing MongoConnection) throws(MongoError) -> Void)?
    private let isChecked = Atomic(false)

    /// Starts the threads.
    ///
    /// - Throws: `.failed` for a connection string that is none; `.unavailable` when the system has no more threads.
    init(_ options: MongoOptions) throws(StoreError) {
        precondition(options.poolSize > 0)
        check = options.check
        let handle = try MongoPoolHandle(options)
        defer { handle.release() }
        for index in 0..<options.poolSize {
            threads.enter()
            handle.retain()
            do throws(StoreError) {
                try StoreThread.start(name: "store-mongo-\(index)") { [self] in
                    serve(handle)
                    handle.release()
                    threads.leave()
                }
            } catch {
                handle.release()
                threads.leave()
                queue.close()
                throw error
            }
        }
    }

    /// How much waits for a thread.
    var waitingCount: Int { queue.count }

    /// Runs `body` on one of the threads.
    func run<Value: Sendable>(
        _ body: @escaping @Sendable (borrowing MongoConnection) throws(MongoError) -> Value
    ) async throws(StoreError) -> Value {
        let result: Result<Value, StoreError> = await withCheckedContinuation { continuation in
            let isAdded = add { connection in
                do throws(MongoError) {
                    continuation.resume(returning: .success(try body(connection)))
                    return false
                } catch {
                    let error = error.storeError
                    continuation.resume(returning: .failure(error))
                    return error.code == .unavailable
                }
            } refuse: { error in
                continuation.resume(returning: .failure(error))
            }
            if !isAdded { continuation.resume(returning: .failure(.storeClosed)) }
        }
        return try result.get()
    }

    /// Has `run` called on one of the threads, or `refuse` when the server is known to be away.
    ///
    /// - Parameter run: returns true when it found the server unavailable.
    /// - Returns: false when the pool is closed: neither will be called.
    func add(
        run: @escaping @Sendable (borrowing MongoConnection) -> Bool,
        refuse: @escaping @Sendable (StoreError) -> Void
    ) -> Bool {
        queue.add(Job(addedAt: nanoseconds(of: CLOCK_MONOTONIC), run: run, refuse: refuse))
    }

    /// Ends the threads, after all that waits; `finish` waits for them.
    func close() {
        queue.close()
    }

    /// Returns when the threads have ended and the connections are closed. A process must not exit before that: the library's
    /// own clean-up at its exit would meet that of the threads.
    func finish() async {
        await withCheckedContinuation { continuation in
            threads.notify(queue: .global()) { continuation.resume() }
        }
    }

    /// The same, while the calling thread waits: not for tasks.
    func waitUntilFinished() {
        threads.wait()
    }

    // MARK: On a thread

    private func serve(_ handle: MongoPoolHandle) {
        while let job = queue.take() {
            if isAway.load(ordering: .relaxed), nanoseconds(of: CLOCK_MONOTONIC) - job.addedAt > Self.patience {
                job.refuse(StoreError(.unavailable, "mongodb: the server is away, and others try to reach it"))
                continue
            }
            let foundNone = handle.withConnection { run(job, $0) }
            if foundNone == nil { job.refuse(StoreError(.unavailable, "mongodb: no connection is free")) }
            isAway.store(foundNone ?? false, ordering: .relaxed)
        }
    }

    /// - Returns: true when the server is unavailable.
    private func run(_ job: Job, _ connection: borrowing MongoConnection) -> Bool {
        if let check, !isChecked.load(ordering: .acquiring) {
            do throws(MongoError) {
                try check(connection)
                isChecked.store(true, ordering: .releasing)
            } catch {
                let error = error.storeError
                job.refuse(error)
                return error.code == .unavailable
            }
        }
        return job.run(connection)
    }
}

/// libmongoc's pool, which goes when the last thread has released it: at a moment that `MongoClientPool.finish` can wait for,
/// as the end of a reference would not be.
///
/// `@unchecked Sendable`: `mongoc_client_pool_t` may be used from all threads, and each client is one thread's at a time.
private final class MongoPoolHandle: @unchecked Sendable {
    private let pool: OpaquePointer
    private let database: String
    private let monitor: MongoCommandMonitor?
    /// Whoever has made it is the first.
    private let users = Atomic(1)

    init(_ options: MongoOptions) throws(StoreError) {
        let uri = try options.makeURI()
        defer { mongoc_uri_destroy(uri) }
        var error = bson_error_t()
        guard let pool = mongoc_client_pool_new_with_error(uri, &error) else {
            throw StoreError(.failed, MongoFailure("connection pool", &error).description)
        }
        mongoc_client_pool_set_error_api(pool, MONGOC_ERROR_API_VERSION_2)
        monitor = options.observer.map { MongoCommandMonitor($0) }
        monitor?.watch(pool)
        self.pool = pool
        database = options.database
    }

    func retain() {
        users.add(1, ordering: .relaxed)
    }

    func release() {
        let remaining = users.subtract(1, ordering: .acquiringAndReleasing).newValue
        if remaining == 0 { mongoc_client_pool_destroy(pool) }
    }

    /// - Returns: nil when there was none, which the library tells where the connection string limits the waiting.
    func withConnection(_ body: (borrowing MongoConnection) -> Bool) -> Bool? {
        guard let client = mongoc_client_pool_pop(pool) else { return nil }
        defer { mongoc_client_pool_push(pool, client) }
        return body(MongoConnection(client: client, database: database))
    }
}
