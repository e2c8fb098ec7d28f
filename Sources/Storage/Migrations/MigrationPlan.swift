/// Which steps a store has, and which it needs: what the log of runs and the list of known steps say together.
///
/// A value without I/O, the same for every backend.
package struct MigrationPlan: Sendable {
    package enum State: Sendable, Equatable {
        case applied(MigrationRecord)
        case pending
        /// Applied, but the program's step of this number is another.
        case changed(MigrationRecord)
        /// Applied by a newer program.
        case unknown(MigrationRecord)
    }

    package struct Step: Sendable, Equatable {
        package var number: Int
        package var name: String
        package var state: State
    }

    private let known: [Migration]
    /// The last successful run upwards of each number that has not been undone since.
    private let applied: [Int: MigrationRecord]
    /// What the operator knows the store by.
    private let place: String

    /// - Parameters:
    ///   - known: the program's steps, by number.
    ///   - history: all runs, oldest first.
    package init(known: [Migration], history: [MigrationRecord], place: String) {
        self.known = known
        self.place = place
        var applied: [Int: MigrationRecord] = [:]
        for record in history where record.error == nil {
            applied[record.number] = record.direction == .up ? record : nil
        }
        self.applied = applied
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
        let foreign = applied.values.filter { $0.number > knownVersion }.sorted { $0.number < $1.number }
        return own + foreign.map { Step(number: $0.number, name: $0.name, state: .unknown($0)) }
    }

    private func state(of migration: Migration) -> State {
        guard let record = applied[migration.number] else { return .pending }
        return record.checksum == migration.checksum ? .applied(record) : .changed(record)
    }

    /// - Throws: `.schemaMismatch` when the store has a step that the program does not know.
    package func check() throws(MigrationError) {
        if version > knownVersion {
            throw .schemaMismatch(
                """
                \(place) has schema version \(version), and this program knows versions up to \(knownVersion): \
                run a newer program, or take the schema back with the newer program's `Migrations downgrade`
                """
            )
        }
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

    /// What must be run, in this order, to have every step up to `target` (nil: all).
    package func upgrade(to target: Int? = nil) throws(MigrationError) -> [Migration] {
        try check()
        let target = try checked(target ?? knownVersion)
        return known.filter { $0.number <= target && applied[$0.number] == nil }
    }

    /// What must be undone, in this order, to have no step beyond `target` (nil: the one before the newest).
    ///
    /// - Throws: `.notReversible` when there is no way back for one of them.
    package func downgrade(to target: Int? = nil) throws(MigrationError) -> [Migration] {
        try check()
        let target = try checked(target ?? max(0, version - 1))
        let undone = known.reversed().filter { $0.number > target && applied[$0.number] != nil }
        for migration in undone where migration.down == nil { throw .notReversible(name: migration.name) }
        return undone
    }

    private func checked(_ target: Int) throws(MigrationError) -> Int {
        guard (0...knownVersion).contains(target) else { throw .unknownTarget(target, newest: knownVersion) }
        return target
    }
}
