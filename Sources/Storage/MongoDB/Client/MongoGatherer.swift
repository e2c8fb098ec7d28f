import Synchronization

/// Gathers requests of one kind: those that come while others of it are under way go to the server together, in as many
/// round trips as one alone would take. Each caller gets its own answer.
final class MongoGatherer<Request: Sendable, Answer: Sendable>: Sendable {
    /// Returns one answer for each request, in their order. What it throws is the answer to all of them.
    typealias Handler =
        @Sendable (_ requests: [Request], borrowing MongoConnection) throws(MongoError) -> [Result<Answer, StoreError>]

    private struct Waiting: Sendable {
        var request: Request
        var caller: CheckedContinuation<Result<Answer, StoreError>, Never>
    }

    private struct State {
        var waiting: [Waiting] = []
        var isRunning = false
    }

    /// The most that goes out together: beyond this, the first callers would wait for too many others' work.
    private static var batchLimit: Int { 256 }

    private let pool: MongoClientPool
    private let handler: Handler
    private let state = Mutex(State())

    init(_ pool: MongoClientPool, _ handler: @escaping Handler) {
        self.pool = pool
        self.handler = handler
    }

    /// How many requests wait to be taken along.
    var waitingCount: Int { state.withLock { $0.waiting.count } }

    func submit(_ request: Request) async throws(StoreError) -> Answer {
        let result: Result<Answer, StoreError> = await withCheckedContinuation { continuation in
            let starts = state.withLock { state in
                state.waiting.append(Waiting(request: request, caller: continuation))
                defer { state.isRunning = true }
                return !state.isRunning
            }
            guard starts else { return }
            let isAdded = pool.add { connection in
                self.drain(connection)
            } refuse: { error in
                self.refuse(error)
            }
            if !isAdded { refuse(.storeClosed) }
        }
        return try result.get()
    }

    /// Serves all that waits, and what comes meanwhile. Returns true when the server is unavailable.
    private func drain(_ connection: borrowing MongoConnection) -> Bool {
        while let batch = next() {
            do throws(MongoError) {
                let answers = try handler(batch.map(\.request), connection)
                precondition(answers.count == batch.count, "one answer for each request")
                for (waiting, answer) in zip(batch, answers) { waiting.caller.resume(returning: answer) }
            } catch {
                let error = error.storeError
                for waiting in batch { waiting.caller.resume(returning: .failure(error)) }
                guard error.code == .unavailable else { continue }
                // Those that came meanwhile have waited as long as they should.
                refuse(error)
                return true
            }
        }
        return false
    }

    private func next() -> [Waiting]? {
        state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.isRunning = false
                return nil
            }
            var batch: [Waiting] = []
            swap(&batch, &state.waiting)
            if batch.count > Self.batchLimit {
                state.waiting.append(contentsOf: batch[Self.batchLimit...])
                batch.removeLast(batch.count - Self.batchLimit)
            }
            return batch
        }
    }

    private func refuse(_ error: StoreError) {
        let waiting = state.withLock { state in
            defer { state = State() }
            return state.waiting
        }
        for waiting in waiting { waiting.caller.resume(returning: .failure(error)) }
    }
}
