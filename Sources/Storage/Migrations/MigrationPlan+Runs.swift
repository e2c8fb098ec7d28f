/// What must be run to get from what a store has to what is wanted.
extension MigrationPlan {
    package func runs(for request: MigrationRequest) throws(MigrationError) -> [MigrationRun] {
        switch try resolved(request) {
        case .upgrade(.number(let number)):
            try upgrade(to: number).map { MigrationRun(migration: $0, direction: .up) }
        case .downgrade(.number(let number)):
            try downgrade(to: number).map { MigrationRun(migration: $0, direction: .down) }
        case .stamp(let number): try stamp(number)
        case .upgrade, .downgrade: preconditionFailure("a resolved request has a number")
        }
    }

    /// The same request, with a number for its target.
    func resolved(_ request: MigrationRequest) throws(MigrationError) -> MigrationRequest {
        switch request {
        case .upgrade(.steps(let count)):
            let missing = try upgrade().prefix(count)
            return .upgrade(.number(missing.last?.number ?? knownVersion))
        case .upgrade(let target): return .upgrade(.number(absolute(target)))
        case .downgrade(.steps(let count)):
            let present = try downgrade(to: 0, checkingWayBack: false)
            let last = present.prefix(count).last?.number
            return .downgrade(.number(last.map { $0 - 1 } ?? knownVersion))
        case .downgrade(let target): return .downgrade(.number(absolute(target)))
        case .stamp: return request
        }
    }

    private func absolute(_ target: MigrationTarget) -> Int {
        switch target {
        case .head, .steps: knownVersion
        case .base: 0
        case .number(let number): number
        }
    }

    /// What must be run, in this order, to have every step up to `target` (nil: all).
    package func upgrade(to target: Int? = nil) throws(MigrationError) -> [Migration] {
        try check()
        let target = try checked(target ?? knownVersion)
        return known.filter { $0.number <= target && !isIntact($0.number) }
    }

    /// What must be undone, in this order, to have no step beyond `target`. Steps of which a part may be there are too.
    ///
    /// - Throws: `.notReversible` when there is no way back for one of them.
    package func downgrade(to target: Int) throws(MigrationError) -> [Migration] {
        try downgrade(to: target, checkingWayBack: true)
    }

    private func downgrade(to target: Int, checkingWayBack: Bool) throws(MigrationError) -> [Migration] {
        try check()
        let target = try checked(target)
        let undone = known.reversed().filter { $0.number > target && isTouched($0.number) }
        guard checkingWayBack else { return undone }
        for migration in undone where migration.down == nil { throw .notReversible(name: migration.name) }
        return undone
    }

    /// Also takes another version of a step for this program's, as that is what an operator stamps for.
    private func stamp(_ number: Int) throws(MigrationError) -> [MigrationRun] {
        try checkVersion()
        let number = try checked(number)
        let up = known.filter { $0.number <= number && !isOwn($0) }
        let down = known.reversed().filter { $0.number > number && isTouched($0.number) }
        return up.map { MigrationRun(migration: $0, direction: .up, isStamp: true) }
            + down.map { MigrationRun(migration: $0, direction: .down, isStamp: true) }
    }

    private func isOwn(_ migration: Migration) -> Bool {
        isIntact(migration.number) && applied[migration.number]?.checksum == migration.checksum
    }

    private func isIntact(_ number: Int) -> Bool { applied[number] != nil && broken[number] == nil }

    private func isTouched(_ number: Int) -> Bool { applied[number] != nil || broken[number] != nil }

    private func checked(_ target: Int) throws(MigrationError) -> Int {
        guard (0...knownVersion).contains(target) else { throw .unknownTarget(target, newest: knownVersion) }
        return target
    }
}
