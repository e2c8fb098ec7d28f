/// One caller's changes, on their way through the writer's thread.
struct SQLiteWrite: Sendable {
    /// What became of the changes inside their transaction.
    struct Outcome: Sendable {
        /// Why the changes were not made.
        var failure: StoreError?
        /// Resumes the caller: with its result, or with the error of the transaction that held its changes.
        var answer: @Sendable (_ commit: StoreError?) -> Void
    }

    /// Makes the changes. May be run again, when the transaction of the first run was rolled back.
    let perform: @Sendable (SQLiteConnection) -> Outcome
    /// Resumes the caller with an error, instead of performing.
    let refuse: @Sendable (StoreError) -> Void

    init<Value: Sendable>(
        _ body: @escaping @Sendable (SQLiteConnection) throws(StoreError) -> Value,
        answer: @escaping @Sendable (Result<Value, StoreError>) -> Void
    ) {
        perform = { connection in
            do throws(StoreError) {
                let value = try body(connection)
                return Outcome(failure: nil) { error in answer(error.map(Result.failure) ?? .success(value)) }
            } catch {
                return Outcome(failure: error) { _ in answer(.failure(error)) }
            }
        }
        refuse = { answer(.failure($0)) }
    }
}
