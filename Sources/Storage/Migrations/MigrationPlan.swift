/// Which steps a store has, and which it needs: what the log of runs and the list of known steps say together.
///
/// A value without I/O, the same for every backend.
package struct MigrationPlan: Sendable {
    package enum State: Sendable, Equatable {
        case applied(MigrationRecord)
        case pending
        /// The last run, of either direction, failed or has no end: it runs, or its runner died. Any run repairs it.
        case broken(MigrationRecord)
        /// Applied, but the program's step of this number is another.
        case changed(MigrationRecord)
        /// Applied by a newer program, or begun by one.
        case unknown(MigrationRecord)
    }

    package struct Step: Sendable, Equatable {
        package var number: Int
        package var name: String
        package var state: State
    }

    let known: [Migration]
    /// The last successful run upwards of each number that has not been undone since.
    let applied: [Int: MigrationRecord]
    /// The last run of each number, when it did not end well.
    let broken: [Int: MigrationRecord]
    /// What the operator knows the store by.
    private let place: String

    /// - Parameters:
    ///   - known: the program's steps, by number.
    ///   - history: all runs, oldest first.
    package init(known: [Migration], history: [MigrationRecord], place: String) {
        self.known = known
        self.place = place
        var applied: [Int: MigrationRecord] = [:]
        var broken: [Int: MigrationRecord] = [:]
        for record in history {
            broken[record.number] = record.isDone ? nil : record
            if record.isDone { applied[record.number] = record.direction == .up ? record : nil }
        }
        self.applied = applied
        self.broken = broken
    }

    /// The newest step that the store has; 0 for none.
    package var version: Int { applied.keys.max() ?? 0 }

    /// The newest step that the program knows.
    package var knownVersion: Int { known.last?.number ?? 0 }

    /// Every step of either, by number.
    package var steps: [Step] {
        let own = known.map { migration in
            Step(number: migration.number, name: migration.name, state: state(of: migration))
        }
        let foreign = applied.merging(broken) { applied, _ in applied }.values.filter { $0.number > knownVersion }
        let newer = foreign.sorted { $0.number < $1.number }
        return own + newer.map { Step(number: $0.number, name: $0.name, state: .unknown($0)) }
    }

    private func state(of migration: Migration) -> State {
        let record = applied[migration.number]
        if let record, record.checksum != migration.checksum { return .changed(record) }
        if let broken = broken[migration.number] { return .broken(broken) }
        return record.map { .applied($0) } ?? .pending
    }

    /// Whether the store has every step, each run to its end.
    package var isCurrent: Bool {
        steps.allSatisfy { step in
            if case .applied = step.state { true } else { false }
        }
    }

    /// - Throws: `.schemaMismatch` when the store has a step that the program does not know.
    package func check() throws(MigrationError) {
        try checkVersion()
        for step in steps {
            guard case .changed(let record) = step.state else { continue }
            throw .schemaMismatch(
                """
                \(place) was migrated by another \(step.name) (checksum \(record.checksum)) than this program has: \
                run the program that wrote it, version \(record.version), or restore a backup
                """
            )
        }
    }

    func checkVersion() throws(MigrationError) {
        let newest = max(version, broken.keys.max() ?? 0)
        guard newest > knownVersion else { return }
        throw .schemaMismatch(
            """
            \(place) has schema version \(newest), and this program knows versions up to \(knownVersion): \
            run a newer program, or take the schema back with the newer program's `Migrations downgrade`
            """
        )
    }
}
