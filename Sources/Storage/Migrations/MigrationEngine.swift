import Glibc
import Primitives

/// Brings the schema of a store to where it is wanted, step by step, whatever the store.
package struct MigrationEngine {
    private let backend: any MigrationBackend
    let known: [Migration]
    private let time: any TimeSource
    private let version: String
    private let lockTimeout: Duration

    /// How long to wait before the lock is tried again, in microseconds.
    private static let retryInterval: useconds_t = 100_000

    /// - Parameters:
    ///   - known: the program's steps, by number.
    ///   - version: the program's, for the log.
    ///   - lockTimeout: how long to wait while another runner has the lock.
    package init(
        _ backend: any MigrationBackend,
        known: [Migration],
        time: any TimeSource = SystemTimeSource(),
        version: String = ProgramVersion.current,
        lockTimeout: Duration = .zero
    ) {
        self.backend = backend
        self.known = known
        self.time = time
        self.version = version
        self.lockTimeout = lockTimeout
    }

    /// What has been run and what has not. Changes nothing.
    package func plan() throws(MigrationError) -> MigrationPlan {
        MigrationPlan(known: known, history: try history(), place: backend.place)
    }

    /// All runs, oldest first. Changes nothing.
    package func history() throws(MigrationError) -> [MigrationRecord] {
        try asked { () throws(StoreError) in try backend.records() }
    }

    /// What `perform` would run. Changes nothing.
    package func preview(_ request: MigrationRequest) throws(MigrationError) -> [MigrationRun] {
        try plan().runs(for: request)
    }

    /// Runs what the request needs. When that is nothing, the lock is not even looked at.
    ///
    /// - Parameter report: is told of each run that has ended well.
    /// - Returns: what was run.
    /// - Throws: `.store` with `.inUse` when the lock could not be had in time.
    @discardableResult
    package func perform(
        _ request: MigrationRequest,
        report: (MigrationRecord) -> Void = { _ in }
    ) throws(MigrationError) -> [MigrationRecord] {
        // A number from here on, so that runners who want one step more do not each take one when their turn comes.
        let request = try plan().resolved(request)
        guard try takeLock(for: request) else { return [] }
        defer { backend.unlock() }
        var done: [MigrationRecord] = []
        // Planned again: another runner may have done it while this one waited.
        for run in try plan().runs(for: request) {
            let record = try perform(run)
            report(record)
            done.append(record)
        }
        return done
    }

    @discardableResult
    package func upgrade(to target: MigrationTarget = .head) throws(MigrationError) -> [MigrationRecord] {
        try perform(.upgrade(target))
    }

    @discardableResult
    package func downgrade(to target: MigrationTarget = .steps(1)) throws(MigrationError) -> [MigrationRecord] {
        try perform(.downgrade(target))
    }

    /// What is not as the records say: steps that are not this program's, runs without a good end, and what is missing in
    /// the store itself. Empty when all is well; missing steps are no fault. Changes nothing.
    package func verify() throws(MigrationError) -> [String] {
        let plan = try plan()
        var faults: [String] = []
        var applied: [Migration] = []
        for step in plan.steps {
            switch step.state {
            case .applied: applied += known.filter { $0.number == step.number }
            case .pending: break
            case .broken: faults.append("\(step.name): its last run has no good end")
            case .changed: faults.append("\(step.name): another version of it was run")
            case .unknown: faults.append("\(step.name): unknown to this program")
            }
        }
        return faults + (try asked { () throws(StoreError) in try backend.differences(from: applied) })
    }

    /// - Returns: false when there was no lock to be freed.
    package func breakLock() throws(MigrationError) -> Bool {
        try asked { () throws(StoreError) in try backend.breakLock() }
    }

    // MARK: Inside

    /// - Returns: false when there is nothing to run, or no longer.
    private func takeLock(for request: MigrationRequest) throws(MigrationError) -> Bool {
        let deadline = time.monotonicNanoseconds + lockTimeout.wholeNanoseconds
        while true {
            guard !(try preview(request)).isEmpty else { return false }
            do throws(StoreError) {
                try backend.lock()
                return true
            } catch {
                guard error.code == .inUse, time.monotonicNanoseconds < deadline else { throw .store(error) }
                usleep(Self.retryInterval)
            }
        }
    }

    private func perform(_ run: MigrationRun) throws(MigrationError) -> MigrationRecord {
        let migration = run.migration
        var record = MigrationRecord(
            number: migration.number,
            name: migration.name,
            checksum: migration.checksum,
            direction: run.direction,
            startedAt: time.now,
            endedAt: nil,
            host: MigrationRecord.thisHost,
            version: version
        )
        if run.isStamp {
            record.isStamp = true
            record.endedAt = record.startedAt
        }
        record = try asked { () throws(StoreError) in try backend.begin(record) }
        guard !run.isStamp else { return record }
        do throws(StoreError) {
            let statements = run.direction == .up ? migration.up : migration.down ?? []
            return try backend.run(statements, of: record, time: time)
        } catch {
            record.endedAt = time.now
            record.error = error.message
            // If this fails as well, the record stays without an end, which says as much.
            try? backend.end(record)
            throw .failed(name: migration.name, isRolledBack: backend.isTransactional, error)
        }
    }

    private func asked<Value>(_ body: () throws(StoreError) -> Value) throws(MigrationError) -> Value {
        do throws(StoreError) {
            return try body()
        } catch {
            throw .store(error)
        }
    }
}
